"""The market itself: taker orders on an exchange, each a burst of trades, before any wire format.

All of it is integer arithmetic on columns: no draw, sum or rounding differs between machines.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple

import numpy as np

from harness.synthetic import fills
from harness.synthetic.arrivals import Arrivals, Takers
from harness.synthetic.behaviour import Behaviour
from harness.synthetic.draws import Draws, Integers
from harness.synthetic.drift import BLOCK_SECONDS, Values
from harness.synthetic.ids import Ids
from harness.synthetic.instruments import Instrument
from harness.synthetic.popularity import popularity
from harness.synthetic.prices import Books, Clocks
from harness.synthetic.quantiles import permille

ORDERS_AT_ONCE: Final = 8_192
"""About as many are in memory at a time, however long a run is."""
_DRIFT_BLOCK_US: Final = BLOCK_SECONDS * 1_000_000

Received = tuple[int, bytes]
"""A frame as one connection receives it: receive time in ns, exact text in UTF-8."""

Timetable = Callable[[int], int]
"""How many trades went before -> when the next one is due, in ns after the start; asked in order."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to generate for one exchange: trades in [start_ns, end_ns) at a mean rate.

    Ids are consecutive per instrument, unless id_jumps_per_million trades are asked to jump ahead of their
    predecessor's id. With a timetable the trades keep their order and all else, and happen when it says: a market whose
    clock goes by the trades.
    """

    seed: int
    start_ns: int
    end_ns: int
    trades_per_second: Fraction
    instruments: tuple[Instrument, ...]
    id_jumps_per_million: int = 0
    timetable: Timetable | None = None


class Trades(NamedTuple):
    """A slice of time: one row a trade, by time, the trades of a taker order next to each other.

    `number` is the instrument's place in the plan, `taker_buys` and `market_order` are 0 or 1, and `first` (shorter
    than the others) is the row of each order's first trade. Times are whole microseconds.
    """

    number: Integers
    trade_id: Integers
    price_ticks: Integers
    size_lots: Integers
    taker_buys: Integers
    market_order: Integers
    event_us: Integers
    first: Integers

    def split(self, end_us: int) -> tuple["Trades", "Trades"]:
        """Give the trades before a time, and the rest."""
        orders = int(np.searchsorted(self.event_us[self.first], end_us))
        rows = int(self.first[orders]) if orders < len(self.first) else len(self.number)
        before = [*(column[:rows] for column in self[:-1]), self.first[:orders]]
        rest = [*(column[rows:] for column in self[:-1]), self.first[orders:] - rows]
        return Trades(*before), Trades(*rest)


class Market:
    """The state of one exchange's books. Mutable: reading trades moves prices and ids."""

    def __init__(self, exchange: str, behaviour: Behaviour, plan: Plan) -> None:
        def draws(part: str) -> Draws:
            return Draws(plan.seed, f"{exchange}/{part}")

        known = plan.instruments
        self._plan = plan
        self._behaviour = behaviour
        self._usual_ticks = np.array([instrument.usual_price_ticks for instrument in known], np.int64)
        self._smallest_lots = np.array([instrument.smallest_size_lots for instrument in known], np.int64)
        self._takers_per_second = plan.trades_per_second / fills.mean_fills(behaviour.depth)
        slots = np.array(popularity(len(known)), np.int64)
        gap_us = 1_000_000 / self._takers_per_second
        edges = fills.fills_edges(behaviour.depth)
        self._arrivals = Arrivals(draws("arrivals"), slots, edges, behaviour.excitement, gap_us)
        self._clocks = Clocks(len(known))
        self._books = Books(draws("prices"), known, behaviour.makers)
        self._ids = Ids(draws("ids"), len(known), plan.id_jumps_per_million)
        self._fills, self._sizes, self._types = draws("fills"), draws("sizes"), draws("types")
        self._values = Values(plan.seed, known)
        self._past = 0

    def trades(self) -> Iterator[Trades]:
        """Yield the plan's trades, one slice of time after the other; a slice may be empty."""
        duration_us = (self._plan.end_ns - self._plan.start_ns) // 1_000
        slice_us = _slice_us(self._takers_per_second)
        for from_us in range(0, duration_us, slice_us):
            takers = self._arrivals.next_slice(slice_us)
            trades = self._on_time(self._traded(takers._replace(time_us=takers.time_us + from_us)))
            # A slice is made whole even if its end is not wanted: so a longer run starts like a shorter one.
            yield trades if from_us + slice_us <= duration_us else trades.split(self._plan.end_ns // 1_000)[0]

    def history(self, trades: int) -> Trades:
        """Give so many trades of each instrument before the start, instrument by instrument, each an order of its
        own, one to five seconds apart. To be asked for before the plan's trades.
        """
        instruments = len(self._usual_ticks)
        number = np.repeat(np.arange(instruments), trades)
        draws = self._types.bits(len(number), 32)
        gaps_us = (1_000_000 + (draws >> 10)).reshape(instruments, trades)
        time_us = np.cumsum(gaps_us, axis=1) - gaps_us.sum(axis=1, keepdims=True) - 1
        return self._traded(Takers(time_us.ravel(), number, draws & 1, np.ones_like(number)))

    def _on_time(self, trades: Trades) -> Trades:
        due = self._plan.timetable
        if due is None:
            return trades
        # The trades of an order happen at one time, which is its first one's.
        order_us = np.array([due(self._past + row) // 1_000 for row in trades.first.tolist()], np.int64)
        self._past += len(trades.number)
        rows = np.diff(trades.first, append=len(trades.number))
        return trades._replace(event_us=np.repeat(order_us, rows) + self._plan.start_ns // 1_000)

    def _traded(self, takers: Takers) -> Trades:
        behaviour, elapsed = self._behaviour, self._clocks.elapsed(takers)
        usual_ticks = self._usual_ticks[takers.number]
        filled = fills.fill(self._fills, behaviour.depth, takers.fills, elapsed, usual_ticks)
        order = filled.order
        number, buys = takers.number[order], takers.buys[order]
        eaten_ticks = np.where(takers.buys, filled.eaten_ticks, -filled.eaten_ticks)
        drift_ticks, volatility_percent = self._values.ticks(takers)
        bids_ticks = self._books.bids_ticks(takers, elapsed, drift_ticks, eaten_ticks, volatility_percent)
        walked_ticks = np.where(buys, filled.walked_ticks + self._books.spreads_ticks[number], -filled.walked_ticks)
        is_market = self._types.bits(len(takers.number), 16) < permille(behaviour.market_orders_permille)
        return Trades(
            number=number,
            trade_id=self._ids.take(number),
            price_ticks=np.maximum(bids_ticks[order] + walked_ticks, 1),
            size_lots=behaviour.sizes.lots(self._sizes, self._smallest_lots[number], filled),
            taker_buys=buys,
            market_order=is_market[order].astype(np.int64),
            event_us=takers.time_us[order] + self._plan.start_ns // 1_000,
            first=filled.first,
        )


def _slice_us(takers_per_second: Fraction) -> int:
    """Give the longest slice that drift's blocks are a power of two of, and that has not too many takers."""
    slice_us = _DRIFT_BLOCK_US
    while slice_us % 2 == 0 and slice_us * takers_per_second > ORDERS_AT_ONCE * 1_000_000:
        slice_us //= 2
    return slice_us
