"""However a tape of trades arrives, silver and every candle are the same; tapes.py says in which ways.

A failure shrinks to a few trades, and the tape and its arrival are printed. K2_FUZZ=50 looks fifty times as long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.fuzzing import examples
from tests.integration.sql.conftest import Schema
from tests.integration.sql.tapes import Arrival, Trade, arrivals, differences, play, tapes

BTC = ("binance", "BTCUSDT")
TWO = [Trade(BTC, 1, 0, "1", "1"), Trade(BTC, 2, 1, "2.5", "1")]
# One block after another, and no merge: each insert has to see what the ones before it brought.
ADDS_UP_BLOCKS = """
CREATE MATERIALIZED VIEW k2.ohlcv_1m_mv TO k2.ohlcv_1m AS
SELECT exchange, canonical_symbol, toDateTime(toStartOfMinute(timestamp), 'UTC') AS window_start,
    argMin(price, (timestamp, source_sequence)) AS open_price, min(timestamp) AS open_time, max(price) AS high_price,
    min(price) AS low_price, argMax(price, (timestamp, source_sequence)) AS close_price, max(timestamp) AS close_time,
    sum(toDecimal256(quantity, 18)) AS volume, sum(quote_volume) AS quote_volume, count() AS trade_count,
    now64(6, 'UTC') AS updated_at
FROM k2.silver_trades WHERE is_valid GROUP BY ALL"""


@examples(6)
@given(tape=tapes(), arrival=arrivals())
def test_silver_and_candles_do_not_depend_on_how_trades_arrive(
    schema: Schema, tape: Sequence[Trade], arrival: Arrival
) -> None:
    assert differences(play(schema, tape), play(schema, tape, arrival)) == []


@pytest.mark.parametrize(
    "arrival",
    [
        pytest.param(Arrival(order=list(range(11, -1, -1))), id="backwards"),
        pytest.param(Arrival(block_frames=1), id="one_by_one"),
        pytest.param(Arrival(frame_trades=3, block_frames=1), id="in_other_frames"),
        pytest.param(Arrival(again=range(12)), id="all_twice"),
        pytest.param(Arrival(redelivered=range(12)), id="redelivered"),
        pytest.param(Arrival(block_frames=2, merged_after=range(12)), id="merged"),
        pytest.param(Arrival(interleaved=True), id="interleaved"),
    ],
)
def test_each_way_alone_changes_nothing(schema: Schema, arrival: Arrival) -> None:
    markets = [BTC, ("kraken", "BTC/USDT"), ("kraken v1", "XBT/EUR")] * 2
    tape = [Trade(market, number, number * 7_001, "2.5", "1") for number, market in enumerate(markets, 1)]
    plain = play(schema, tape)
    assert len(plain["silver_trades"]) == len(tape)
    assert [len(rows) for rows in plain.values()][-1] == 3
    assert differences(plain, play(schema, tape, arrival)) == []


# Trades of which only the number differs: each step of shrinking plays two tapes, and there are few steps from here.
ALIKE = st.builds(
    Trade, market=st.just(BTC), number=st.integers(1, 4), ms=st.just(0), price=st.just("1"), size=st.just("1")
)
FEW = st.lists(ALIKE, max_size=4, unique_by=lambda trade: trade.number)


@given(tape=FEW, arrival=st.integers(1, 4).map(lambda frames: Arrival(block_frames=frames)))
@settings(examples(1), max_examples=40, database=None, derandomize=True, phases=[Phase.generate, Phase.shrink])
def in_a_bent_schema(schema: Schema, tape: Sequence[Trade], arrival: Arrival) -> None:
    """The property where it does not hold, without a look at what was found before."""
    assert differences(play(schema, tape), play(schema, tape, arrival)) == []


def test_a_schema_in_which_it_does_is_found(schema: Schema) -> None:
    with bent(schema, "ohlcv_1m_mv", ADDS_UP_BLOCKS):
        assert differences(play(schema, TWO), play(schema, TWO, Arrival(block_frames=1)))
    assert differences(play(schema, TWO), play(schema, TWO, Arrival(block_frames=1))) == []


def test_a_failing_tape_shrinks_to_two_trades_and_is_printed(schema: Schema) -> None:
    with bent(schema, "ohlcv_1m_mv", ADDS_UP_BLOCKS), pytest.raises(AssertionError) as failure:
        in_a_bent_schema(schema)
    said = "\n".join(failure.value.__notes__)
    print(said)
    assert said.count("Trade(") == 2, said
    assert "arrival=Arrival(" in said


@contextmanager
def bent(schema: Schema, view: str, statement: str) -> Iterator[None]:
    """Another view in the place of one, for a while."""
    (row,) = schema.rows(
        f"SELECT create_table_query AS sql FROM system.tables WHERE database = 'k2' AND name = '{view}'"
    )
    schema.query(f"DROP VIEW k2.{view}")
    try:
        schema.query(statement)
        yield
    finally:
        schema.query(f"DROP VIEW IF EXISTS k2.{view}")
        schema.query(row["sql"])
