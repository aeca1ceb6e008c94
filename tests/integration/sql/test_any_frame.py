"""Whatever bytes a frame has: no insert fails, and its offset ends as bronze rows or as one dead letter.

And every bronze trade ends in silver or as one dead letter of silver. What the rows say is for
test_truth_agrees_with_sql.py; this asks only that nothing crashes and nothing vanishes. K2_FUZZ=50 looks fifty times
as long.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from harness.checks import load_suites, queries
from k2pipeline.exchanges import EXCHANGES
from tests.fuzzing import TIMES, examples
from tests.integration.odd_frames import Mint
from tests.integration.sql.conftest import Schema
from tests.integration.sql.test_binance import trade
from tests.integration.sql.test_kraken import v1, v2, v2_trade

BLOCK = 5_000
WHOLE = {
    "binance": (trade(), f'{{"stream":"x@trade","data":{trade()}}}'),
    "kraken": (
        v2(v2_trade(), v2_trade(price="1e-5")),
        v1('["354.11","0.5","1618678142.557535","s","l",""]', '["1","2","3","b","m","x"]'),
    ),
}
NOWHERE_OR_TWICE = """
SELECT offset, rows, letters FROM (
    SELECT arrayJoin(range({first}, {end})) AS offset) AS fed
LEFT JOIN (SELECT _offset AS offset, count() AS rows FROM k2.bronze_trades_{exchange} FINAL GROUP BY offset) AS bronze
    USING (offset)
LEFT JOIN (SELECT _offset AS offset, count() AS letters FROM k2.dead_letters FINAL
    WHERE layer = 'bronze' AND exchange = '{exchange}' GROUP BY offset) AS refused USING (offset)
WHERE (rows > 0) = (letters > 0) OR letters > 1"""
IDENTITIES = {
    check.definition["kwargs"]["exchange"]: check.definition["kwargs"]["identity"]
    for suite in load_suites()
    for check in suite.checks
    if check.definition["type"] == "expect_trades_to_reach_silver"
}

JSON_TEXT = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(["trade", "BTCUSDT"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.sampled_from(["e", "s", "t", "p", "q", "T", "m", "data", "channel", "symbol"]), inner),
    ),
    max_leaves=15,
).map(lambda value: json.dumps(value).encode())


def frames(exchange: str) -> st.SearchStrategy[bytes]:
    """Any bytes, any JSON, whole frames with bytes put in, taken out or cut off, and odd ones."""

    @st.composite
    def spoilt(draw: st.DrawFn) -> bytes:
        frame = draw(st.sampled_from(WHOLE[exchange])).encode()
        first = draw(st.integers(0, len(frame)))
        last = draw(st.integers(first, min(len(frame), first + 12)))
        return frame[:first] + draw(st.binary(max_size=6)) + frame[last:]

    minted = st.integers(0, 2**32 - 1).map(lambda seed: getattr(Mint(seed), exchange)())
    return st.one_of(st.binary(min_size=1, max_size=60), JSON_TEXT, spoilt(), minted).filter(bool)


@pytest.mark.parametrize("exchange", list(EXCHANGES))
def test_any_frame_ends_as_rows_or_as_one_letter(schema: Schema, exchange: str) -> None:
    @examples(15)
    @given(st.lists(frames(exchange), min_size=1, max_size=40))
    def ends_somewhere(sent: Sequence[bytes]) -> None:
        first = schema.feed(exchange, sent)
        where = {"exchange": exchange, "first": first, "end": first + len(sent)}
        assert schema.rows(NOWHERE_OR_TWICE.format(**where)) == [], sent
        bronze = f"(SELECT * FROM k2.bronze_trades_{exchange} FINAL WHERE _offset >= {first})"
        assert schema.rows(queries.unconserved_trades(bronze, exchange, IDENTITIES[exchange])) == [], sent
        counted.append(len(sent))
        target(len(sent), label="frames in a block")

    counted: list[int] = []
    try:
        ends_somewhere()
    finally:
        print(f"{exchange}: {sum(counted):,} frames in {len(counted):,} blocks")


def odd_frame(exchange: str, chance: random.Random) -> bytes:
    """An odd frame, or a whole one of which some bytes were changed, taken out, put in or doubled; never empty."""
    if chance.random() < 0.5:
        minted: bytes = getattr(Mint(chance.getrandbits(32)), exchange)()
        return minted or b" "
    frame = bytearray(chance.choice(WHOLE[exchange]).encode())
    for _ in range(chance.randint(1, 4)):
        first = chance.randrange(len(frame))
        last = min(len(frame), first + chance.randint(0, 8))
        put = chance.choice(
            (b"", chance.randbytes(chance.randint(1, 4)), bytes(frame[first:last]) * 2, b"0", b'"', b"-")
        )
        frame[first:last] = put
        if not frame:
            return b"{"
    return bytes(frame)


@pytest.mark.parametrize("exchange", list(EXCHANGES))
def test_blocks_of_thousands_of_odd_frames_lose_none(schema: Schema, exchange: str) -> None:
    """Blocks of the size that a consumer inserts; each has a seed of its own, which the failure names."""
    for seed in range(TIMES):
        chance = random.Random(seed)  # noqa: S311  # the same frames each time
        sent = [odd_frame(exchange, chance) for _ in range(BLOCK)]
        first = schema.feed(exchange, sent)
        where = {"exchange": exchange, "first": first, "end": first + len(sent)}
        wrong = schema.rows(NOWHERE_OR_TWICE.format(**where))
        assert wrong == [], (seed, [sent[int(row["offset"]) - first] for row in wrong[:3]])
        bronze = f"(SELECT * FROM k2.bronze_trades_{exchange} FINAL WHERE _offset >= {first})"
        assert schema.rows(queries.unconserved_trades(bronze, exchange, IDENTITIES[exchange])) == [], seed
    print(f"{exchange}: {TIMES * BLOCK:,} odd frames in {TIMES:,} blocks")
