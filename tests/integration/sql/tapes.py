"""Small tapes of trades, the ways in which they may arrive, and what a warehouse makes of them.

A tape is a list of distinct trades in the order of their venue. An arrival is the plain one (in that order, each venue
in one block) changed in ways that must not matter: shuffled, cut into frames and blocks, sent again under new offsets,
redelivered under the old ones, merged in between, and interleaved across exchanges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from hypothesis import strategies as st

from tests.integration.sql.conftest import RECV_NS, Schema
from tests.integration.sql.test_binance import trade
from tests.integration.sql.test_kraken import v1, v2, v2_trade

DAY_S: Final = RECV_NS // 10**9 // 86_400 * 86_400 - 86_400
GOLD: Final = ("1s", "1m", "5m", "15m", "30m", "1h", "1d")
# What tells of the arrival and not of the trade.
OF_ARRIVAL: Final = "processed_at, source_topic, source_partition, source_offset, source_index, precedence"

Rows: TypeAlias = dict[str, list[dict[str, Any]]]
Market: TypeAlias = tuple[str, str]

# The exchange, its form of a frame, and its own symbol: two exchanges share markets, two forms an exchange.
MARKETS: Final[tuple[Market, ...]] = (
    ("binance", "BTCUSDT"),
    ("binance", "ETHUSDT"),
    ("kraken", "BTC/USDT"),
    ("kraken", "ETH/USDT"),
    ("kraken v1", "XBT/EUR"),
)
# In one window and at its edges: of a second, a minute, five minutes, an hour, a day.
TIMES_MS: Final = (0, 1, 999, 1_000, 59_999, 60_000, 299_999, 300_000, 3_599_999, 3_600_000, 86_399_999, 86_400_000)
PRICES: Final = ("1", "2.5", "61837.63", "0.000000000000000001", "0")
SIZES: Final = ("1", "0.02", "0.000000000000000001", "99999999999999999999.5", "0")


class Trade(NamedTuple):
    """One trade, `ms` after the start; within a market its number tells it."""

    market: Market
    number: int
    ms: int
    price: str
    size: str

    @property
    def exchange(self) -> str:
        return self.market[0].split()[0]


class Arrival(NamedTuple):
    """How a tape arrives. Numbers pick trades and blocks by their place, modulo how many there are."""

    order: Sequence[int] = ()  # trades are sorted by order[place]: with all the same, they stay as they are
    frame_trades: int = 1
    block_frames: int = 1_000
    again: Sequence[int] = ()  # trades that are sent again, in frames and blocks of their own
    redelivered: Sequence[int] = ()  # blocks that come again under their offsets
    merged_after: Sequence[int] = ()  # blocks after which all parts are merged
    interleaved: bool = False


PLAIN: Final = Arrival()


def tapes(most: int = 8, markets: Sequence[Market] = MARKETS) -> st.SearchStrategy[list[Trade]]:
    """Up to so many trades of these markets."""
    made = st.builds(
        Trade,
        market=st.sampled_from(markets),
        number=st.integers(1, 30),
        ms=st.sampled_from(TIMES_MS),
        price=st.sampled_from(PRICES),
        size=st.sampled_from(SIZES),
    )
    return st.lists(made, min_size=1, max_size=most, unique_by=lambda each: (each.market, each.number))


def arrivals() -> st.SearchStrategy[Arrival]:
    """Ways to arrive, from plain to all at once."""
    places = st.lists(st.integers(0, 11), max_size=4)
    return st.builds(
        Arrival,
        order=st.lists(st.integers(0, 11), min_size=12, max_size=12),
        frame_trades=st.integers(1, 3),
        block_frames=st.integers(1, 4),
        again=places,
        redelivered=places,
        merged_after=st.lists(st.integers(0, 11), max_size=2),
        interleaved=st.booleans(),
    )


def play(schema: Schema, tape: Sequence[Trade], arrival: Arrival = PLAIN) -> Rows:
    """Silver and every candle after a tape has arrived in an empty warehouse."""
    tables = _tables(schema)
    for table in tables:
        schema.query(f"TRUNCATE TABLE k2.{table}")
    blocks = list(_blocks(tape, arrival))
    merges, again = (
        {place % len(blocks) for place in places} for places in (arrival.merged_after, arrival.redelivered)
    )
    for place, (exchange, frames) in enumerate(blocks):
        offset = schema.feed(exchange, frames)
        if place in again:
            schema.feed(exchange, frames, offset=offset)
        if place in merges:
            for table in tables:
                schema.query(f"OPTIMIZE TABLE k2.{table} FINAL")
    silver = f"SELECT * EXCEPT ({OF_ARRIVAL}) FROM k2.silver_trades FINAL ORDER BY exchange, symbol, trade_id"
    gold = "SELECT * EXCEPT updated_at FROM k2.ohlcv_{}_view ORDER BY exchange, canonical_symbol, window_start"
    return {"silver_trades": schema.rows(silver)} | {f"ohlcv_{name}": schema.rows(gold.format(name)) for name in GOLD}


def differences(plain: Rows, other: Rows) -> list[str]:
    """Every row that the two do not share, in words."""
    return [
        f"{table}: {said} {row}"
        for table in plain
        for said, rows, others in (("only if plain", plain, other), ("only so", other, plain))
        for row in rows[table]
        if row not in others[table]
    ]


def _tables(schema: Schema) -> list[str]:
    kept = "SELECT name FROM system.tables WHERE database = 'k2' AND engine LIKE '%MergeTree'"
    return [row["name"] for row in schema.rows(kept)]


def _blocks(tape: Sequence[Trade], arrival: Arrival) -> Iterator[tuple[str, list[str]]]:
    """Blocks of frames, each of one exchange."""
    order = arrival.order or [0]
    placed = [each for _, each in sorted(enumerate(tape), key=lambda each: order[each[0] % len(order)])]
    # In frames of their own: without an id, equal trades in one frame are two trades.
    again = [tape[place] for place in dict.fromkeys(place % len(tape) for place in arrival.again)]
    frames = [each for sent in (placed, again) for each in _frames(sent, arrival.frame_trades)]
    if not arrival.interleaved:
        frames.sort(key=itemgetter(0))
    for exchange, of_one in groupby(frames, key=itemgetter(0)):
        while block := [frame for _, frame in islice(of_one, arrival.block_frames)]:
            yield exchange, block


def _frames(sent: Iterable[Trade], most: int) -> Iterator[tuple[str, str]]:
    """(exchange, frame): neighbours of one market share a frame where its form has room for them."""
    for market, trades in groupby(sent, key=lambda each: each.market):
        while share := list(islice(trades, 1 if market[0] == "binance" else most)):
            yield share[0].exchange, _FORMS[market[0]](market[1], share)


def _binance(symbol: str, trades: Sequence[Trade]) -> str:
    (one,) = trades
    values = {"t": str(one.number), "T": str(DAY_S * 1000 + one.ms), "m": ("true", "false")[one.number % 2]}
    return trade(s=f'"{symbol}"', p=f'"{one.price}"', q=f'"{one.size}"', **values)


def _kraken_v1(symbol: str, trades: Sequence[Trade]) -> str:
    # No id: among trades of one instant the arrival decides, so each has an instant of its own.
    return v1(
        *(
            f'["{one.price}","{one.size}","{DAY_S + one.ms // 1000}.{one.ms % 1000:03}{one.number:03}",'
            f'"{"bs"[one.number % 2]}","l",""]'
            for one in trades
        ),
        pair=symbol,
    )


def _kraken(symbol: str, trades: Sequence[Trade]) -> str:
    return v2(*(_kraken_trade(symbol, one) for one in trades))


def _kraken_trade(symbol: str, one: Trade) -> str:
    second = datetime.fromtimestamp(DAY_S + one.ms // 1000, UTC)
    time = f'"{second:%Y-%m-%dT%H:%M:%S}.{one.ms % 1000:03}Z"'
    return v2_trade(symbol=f'"{symbol}"', trade_id=str(one.number), price=one.price, qty=one.size, timestamp=time)


_FORMS: Final[Mapping[str, Callable[[str, Sequence[Trade]], str]]] = {
    "binance": _binance,
    "kraken": _kraken,
    "kraken v1": _kraken_v1,
}
