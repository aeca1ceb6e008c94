"""The market itself: taker orders on an exchange, each a burst of trades, before any wire format."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from harness.synthetic.arrivals import arrivals
from harness.synthetic.draws import Draw, stream
from harness.synthetic.instruments import Instrument
from harness.synthetic.popularity import SLOT_MASK, popularity
from harness.synthetic.prices import PriceWalk
from harness.synthetic.sizes import FILL_MASK, FILLS, size_lots

_US = 1_000


class Trade(NamedTuple):
    """One execution. `event_ns` is a whole microsecond; ids are consecutive per instrument."""

    instrument: Instrument
    trade_id: int
    price_ticks: int
    size_lots: int
    taker_buys: bool
    market_order: bool
    event_ns: int


Order = list[Trade]
"""The trades of one taker order: one instrument and side, never empty, in execution order."""


Received = tuple[int, str]
"""A frame as one connection receives it: receive time in ns, exact text."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to generate for one exchange: trades in [start_ns, end_ns) at a mean rate."""

    seed: int
    start_ns: int
    end_ns: int
    trades_per_second: Fraction
    instruments: tuple[Instrument, ...]


class Market:
    """The state of one exchange's books. Mutable; reading orders from it moves prices and ids."""

    def __init__(self, seed: int, exchange: str, instruments: tuple[Instrument, ...]) -> None:
        self._instruments = instruments
        self._slots = popularity(len(instruments))
        self._walks = [PriceWalk(instrument) for instrument in instruments]
        first_ids = stream(seed, f"{exchange}/first-ids")
        self._next_ids = [10**8 + first_ids() % 9 * 10**8 + first_ids() % 10**8 for _ in instruments]
        self._draws = {
            part: stream(seed, f"{exchange}/{part}") for part in ("arrivals", "popularity", "prices", "sizes")
        }

    def orders(self, start_ns: int, end_ns: int, trades_per_second: Fraction) -> Iterator[Order]:
        """Yield the taker orders of [start_ns, end_ns) by time."""
        pick = self._draws["popularity"]
        mean_gap_ns = int(10**9 * Fraction(sum(FILLS), len(FILLS)) / trades_per_second)
        last_ns = 0
        for arrived_ns in arrivals(self._draws["arrivals"], start_ns, mean_gap_ns):
            if arrived_ns >= end_ns:
                return
            # The fills of an order may take until after the next one arrived; the book takes them in turn.
            order = self._order(self._slots[pick() & SLOT_MASK], max(arrived_ns // _US * _US, last_ns))
            last_ns = order[-1].event_ns
            yield order

    def history(self, number: int, trades: int, end_ns: int) -> list[Trade]:
        """Give instrument `number`'s last trades before end_ns, oldest first, one to five seconds apart."""
        draw = self._draws["arrivals"]
        gaps_ns = [10**9 + draw() % (4 * 10**6) * _US for _ in range(trades)]
        past = []
        now_ns = end_ns // _US * _US - sum(gaps_ns)
        for gap_ns in gaps_ns:
            past.append(self._order(number, now_ns, fills=1)[0])
            now_ns += gap_ns
        return past

    def _order(self, number: int, now_ns: int, fills: int | None = None) -> Order:
        instrument, walk, sizes = self._instruments[number], self._walks[number], self._draws["sizes"]
        word = self._draws["prices"]()
        bid = walk.step(word)
        buys, market = bool(word >> 32 & 1), word >> 33 & 3 == 0
        price, sweep = (bid + 1, walk.sweep_ticks) if buys else (bid, -walk.sweep_ticks)
        trade_id = self._next_ids[number]
        lots = size_lots(instrument.usual_size_lots, sizes(), sizes())
        order = [Trade(instrument, trade_id, price, lots, buys, market, now_ns)]
        for _ in range((fills or FILLS[word >> 40 & FILL_MASK]) - 1):
            price, lots, now_ns = _next_fill(instrument, sizes, price, lots, now_ns, sweep)
            trade_id += 1
            order.append(Trade(instrument, trade_id, price, lots, buys, market, now_ns))
        self._next_ids[number] = trade_id + 1
        return order


def _next_fill(
    instrument: Instrument, draw: Draw, price: int, lots: int, now_ns: int, sweep_ticks: int
) -> tuple[int, int, int]:
    """Give price, size and time of an order's next fill: one in eight equals the one before in all three."""
    detail = draw()
    if detail >> 20 & 7 == 0:
        return price, lots, now_ns
    if detail >> 23 & 3 == 0:
        price = max(1, price + sweep_ticks)
    if detail >> 25 & 7 == 0:
        now_ns += _US
    return price, size_lots(instrument.usual_size_lots, draw(), detail), now_ns
