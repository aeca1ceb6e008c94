"""Kraken trade connections: WebSocket v2 (live today) and v1 (in captures).

Sources: https://docs.kraken.com/api/docs/websocket-v2/trade and https://docs.kraken.com/api/docs/websocket-v1/trade,
read 2026-09-26; order of keys and style of numbers as in recorded frames.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from functools import lru_cache
from typing import Final, Protocol

import numpy as np

from harness.synthetic.activity import Tide
from harness.synthetic.arrivals import Excitement, Kernel
from harness.synthetic.behaviour import Behaviour
from harness.synthetic.draws import Draws, Integers
from harness.synthetic.fields import EACH, Form, Role
from harness.synthetic.fills import Depth
from harness.synthetic.instruments import Instrument, instrument
from harness.synthetic.prices import Makers
from harness.synthetic.sizes import Population, Sizes
from harness.synthetic.trades import Market, Plan, Received, Trades
from harness.synthetic.typeset import Sheet, stacked

NAME = "kraken"
TRADES_PER_SECOND = 100
QUOTES = {"USD": Fraction(1), "EUR": Fraction(8533, 10_000), "USDT": Fraction(1)}
SEPARATOR = "/"
_WELL_KNOWN = (
    ("BTC/USD", "84095.7", "0.00006000"),
    ("ETH/USD", "2688.30", "0.00200000"),
    ("SOL/USD", "141.21", "0.04000000"),
    ("XRP/USD", "2.48161", "2.10000000"),
    ("USDT/USD", "0.99985", "5.00000000"),
    ("ETH/EUR", "2294.17", "0.00200000"),
    ("DOGE/USD", "0.2133100", "24.00000000"),
    ("BTC/EUR", "71760.1", "0.00006000"),
    ("SOL/BTC", "0.0016794", "0.04000000"),
    ("ETH/BTC", "0.03197", "0.00200000"),
    ("BTC/USDT", "84110.3", "0.00006000"),
    ("ADA/EUR", "0.547911", "9.10000000"),
    ("DOGE/EUR", "0.1821100", "24.00000000"),
)
INSTRUMENTS = tuple(instrument(*row, separator=SEPARATOR) for row in _WELL_KNOWN)
_V2_TRADE = {
    Role.SYMBOL: "symbol",
    Role.TRADE_ID: "trade_id",
    Role.PRICE: "price",
    Role.QUANTITY: "qty",
    Role.TIME: "timestamp",
    Role.SIDE: "side",
}
_V1_TRADE = {Role.PRICE: 0, Role.QUANTITY: 1, Role.TIME: 2, Role.SIDE: 3}
FORMS = (Form(("data", EACH), _V2_TRADE), Form((-3, EACH), _V1_TRADE, {Role.SYMBOL: (-1,)}))

BEHAVIOUR = Behaviour(
    excitement=Excitement(
        kernels=(
            Kernel(95, 6_000, same_instrument_permille=950, same_side_permille=990),
            Kernel(42, 200_000, same_instrument_permille=900, same_side_permille=900),
            Kernel(18, 4_000_000, same_instrument_permille=750, same_side_permille=900),
        ),
        # Seldom, an order of many trades is followed by tens of others, a millisecond apart: 40 in 2025's recording.
        weights=((1, 1000), (20, 180_000)),
        tides=(Tide(22, 800), Tide(24, 500), Tide(26, 600)),
    ),
    depth=Depth(
        kinds_permille=((500, 400), (100, 850)),
        repeats_permille=100,
        walks_permille=(400, 400, 400),
        step_per_billion=30_000,
    ),
    makers=Makers(
        spread_per_million=15,
        moves_permille=(300, 300, 400),
        with_taker_permille=(900, 750, 600),
        move_per_billion=80_000,
    ),
    sizes=Sizes(
        single=(Population(30, 100), Population(500, 100, 2_000, 3), Population(470, 100, 180_000, 4)),
        several=(Population(30, 100), Population(500, 50, 2_000, 3), Population(470, 100, 180_000, 4)),
        round_permille=100,
    ),
    market_orders_permille=500,
)
_V1_NAMES = {"BTC": "XBT", "DOGE": "XDG"}

SNAPSHOT_TRADES: Final = 50
_HANDSHAKE_NS: Final = 200_000_000
_STEP_NS: Final = 10_000
_HEARTBEAT_NS: Final = 1_000_000_000
_NETWORK_NS: Final = 18_000_000
# Orders of one instrument that follow each other this fast share a frame: recorded ones were 1.4 and 1.6 ms apart.
_SAME_FRAME_US: Final = 2_000


class Dialect(Protocol):
    """One protocol version's frames, and whether its heartbeats come while trades flow."""

    HEARTBEAT: bytes
    BEATS_WHEN_BUSY: bool

    def __init__(self, instruments: Sequence[Instrument]) -> None: ...

    def status(self, connection_id: int) -> bytes:
        """Encode the first frame of a connection."""

    def ack(self, number: int, now_ns: int) -> bytes:
        """Encode the answer to one instrument's subscription."""

    def trades(self, kind: str, trades: Trades, starts: Integers) -> list[bytes]:
        """Encode frames of a kind, `update` or `snapshot`: a frame from each row in `starts` to the next one."""


class V2:
    """WebSocket v2: objects, prices and sizes as JSON numbers that keep their trailing zeros."""

    HEARTBEAT = b'{"channel":"heartbeat"}'
    BEATS_WHEN_BUSY = False

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._symbols = [known.symbol for known in instruments]
        self._price_places, self._size_places = _places(instruments)
        self._openings = stacked(
            [f'{{"symbol":"{symbol}","side":"{side}","price":' for side in ("sell", "buy") for symbol in self._symbols]
        )

    def status(self, connection_id: int) -> bytes:
        return (
            '{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2",'
            f'"connection_id":{connection_id},"upcoming_maintenance":[],"emergency":[]}}]}}'
        ).encode()

    def ack(self, number: int, now_ns: int) -> bytes:
        asked, answered = (rfc3339(time_ns) for time_ns in (now_ns - 41_000, now_ns))
        return (
            f'{{"method":"subscribe","result":{{"channel":"trade","snapshot":true,"symbol":"{self._symbols[number]}"}},'
            f'"success":true,"time_in":"{asked}","time_out":"{answered}"}}'
        ).encode()

    def trades(self, kind: str, trades: Trades, starts: Integers) -> list[bytes]:
        number, sheet = trades.number, Sheet(len(trades.number))
        is_start, is_end = _edges(len(number), starts)
        sheet.choice(stacked((",", f'{{"channel":"trade","type":"{kind}","data":[')), is_start)
        sheet.choice(self._openings, number + trades.taker_buys * len(self._symbols))
        sheet.decimal(trades.price_ticks, self._price_places[number])
        sheet.text(',"qty":')
        sheet.decimal(trades.size_lots, self._size_places[number])
        sheet.choice(_V2_TYPES, trades.market_order)
        sheet.integer(trades.trade_id)
        sheet.text(',"timestamp":"')
        seconds, place = np.unique(trades.event_us // 1_000_000, return_inverse=True)
        sheet.choice(stacked([_second(second) for second in seconds.tolist()] or [""]), place)
        sheet.digits(trades.event_us % 1_000_000, 6)
        sheet.choice(_V2_ENDS, is_end)
        return sheet.lines()


class V1:
    """WebSocket v1: arrays of strings, no trade id, XBT and XDG for BTC and DOGE."""

    HEARTBEAT = b'{"event":"heartbeat"}'
    BEATS_WHEN_BUSY = True

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._pairs = [v1_symbol(known.symbol) for known in instruments]
        price_places, self._size_places = _places(instruments)
        # Prices have zeros beyond the tick: "57126.70000" on a tick of 0.1, "0.042990" on one of 0.00001.
        self._price_padding = np.maximum(5 - price_places, 1)
        self._price_places = price_places + self._price_padding
        # Channel ids are 16 apart, as recorded ones are.
        self._channels = [321 + 16 * number for number in range(len(instruments))]
        self._openings = stacked([f"[{channel},[[" for channel in self._channels] + [",["] * len(instruments))
        self._ends = stacked(["]"] * len(instruments) + [f']],"trade","{pair}"]\n' for pair in self._pairs])

    def status(self, connection_id: int) -> bytes:
        return f'{{"connectionID":{connection_id},"event":"systemStatus","status":"online","version":"1.9.6"}}'.encode()

    def ack(self, number: int, now_ns: int) -> bytes:  # noqa: ARG002
        return (
            f'{{"channelID":{self._channels[number]},"channelName":"trade","event":"subscriptionStatus",'
            f'"pair":"{self._pairs[number]}","status":"subscribed","subscription":{{"name":"trade"}}}}'
        ).encode()

    def trades(self, kind: str, trades: Trades, starts: Integers) -> list[bytes]:  # noqa: ARG002  # v1 does not tell kinds
        number, sheet = trades.number, Sheet(len(trades.number))
        is_start, is_end = _edges(len(number), starts)
        sheet.choice(self._openings, number + np.where(is_start, 0, len(self._pairs)))
        sheet.text('"')
        sheet.decimal(trades.price_ticks * 10 ** self._price_padding[number], self._price_places[number])
        sheet.text('","')
        sheet.decimal(trades.size_lots, self._size_places[number])
        sheet.text('","')
        sheet.decimal(trades.event_us, 6)
        sheet.choice(_V1_SIDES, trades.taker_buys)
        sheet.choice(_V1_TYPES, trades.market_order)
        sheet.choice(self._ends, number + is_end * len(self._pairs))
        return sheet.lines()


_V2_TYPES: Final = stacked([f',"ord_type":"{name}","trade_id":' for name in ("limit", "market")])
_V2_ENDS: Final = stacked(('Z"}', 'Z"}]}\n'))
_V1_SIDES: Final = stacked(('","s","', '","b","'))
_V1_TYPES: Final = stacked(('l",""', 'm",""'))


def _places(instruments: Sequence[Instrument]) -> tuple[Integers, Integers]:
    """Give the decimals of prices and of sizes."""
    prices, sizes = zip(*((known.price_decimals, known.size_decimals) for known in instruments), strict=True)
    return np.array(prices, np.int64), np.array(sizes, np.int64)


def _edges(rows: int, starts: Integers) -> tuple[Integers, Integers]:
    """Mark with 1 the rows that begin a frame, and those that end one."""
    is_start = np.zeros(rows, np.int64)
    is_start[starts] = 1
    return is_start, np.append(is_start[1:], 1)


def v1_symbol(symbol: str) -> str:
    """Give v1's name of a v2 symbol.

    >>> v1_symbol("DOGE/EUR")
    'XDG/EUR'
    """
    return "/".join(_V1_NAMES.get(asset, asset) for asset in symbol.split("/"))


def rfc3339(time_ns: int) -> str:
    """Write a time as v2 does: UTC, six decimals, Z."""
    seconds, ns = divmod(time_ns, 10**9)
    return f"{_second(seconds)}{ns // 1_000:06}Z"


@lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.")


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without a connection; its trades come with the next snapshots, if among the last 50."""

    from_ns: int
    until_ns: int


def frames(
    plan: Plan, dialect: type[Dialect] = V2, outages: tuple[Outage, ...] = (), behaviour: Behaviour = BEHAVIOUR
) -> Iterator[Received]:
    """Yield status, acknowledgements, snapshots, updates and heartbeats by receive time; v2 by default.

    After each outage the connection starts over, so that Kraken resends every symbol's last 50 trades.
    """
    starts = [plan.start_ns, *(outage.until_ns for outage in outages)]
    ends = [*(outage.from_ns for outage in outages), plan.end_ns]
    session = _Session(plan, dialect(plan.instruments), behaviour)
    for connected_ns, dropped_ns in zip(starts, ends, strict=True):
        yield from session.connection(connected_ns, dropped_ns, is_last=connected_ns == starts[-1])


class _Session:
    """A client's view of the market through successive connections. Mutable: time goes on."""

    def __init__(self, plan: Plan, dialect: Dialect, behaviour: Behaviour) -> None:
        self._dialect = dialect
        self._draws = Draws(plan.seed, f"{NAME}/network")
        self._instruments = len(plan.instruments)
        market = Market(NAME, behaviour, plan)
        self._recent = market.history(SNAPSHOT_TRADES)
        self._coming = market.trades()
        self._pending: Trades | None = None
        self._recv_ns = self._beat_ns = 0

    def connection(self, connected_ns: int, dropped_ns: int, is_last: bool) -> Iterator[Received]:
        """Yield (receive time, frame) from the status frame to the drop."""
        self._recv_ns = max(self._recv_ns + _STEP_NS, connected_ns)
        self._beat_ns = connected_ns
        for trades in self._trades_before(connected_ns + _HANDSHAKE_NS):
            self._remember(trades)
        yield from self._greeting(connected_ns)
        for trades in self._trades_before(dropped_ns):
            yield from self._updates(trades)
            if not is_last:  # no snapshot comes after the last connection
                self._remember(trades)
        yield from self._heartbeats(dropped_ns)

    def _greeting(self, connected_ns: int) -> Iterator[Received]:
        yield self._sent(connected_ns, self._dialect.status(self._draws.word() | 1 << 63))
        subscribed_ns = connected_ns + _HANDSHAKE_NS
        for number in range(self._instruments):
            yield self._sent(subscribed_ns, self._dialect.ack(number, subscribed_ns))
        starts = np.searchsorted(self._recent.number, np.arange(self._instruments))
        for frame in self._dialect.trades("snapshot", self._recent, starts):
            yield self._sent(subscribed_ns, frame)

    def _updates(self, trades: Trades) -> Iterator[Received]:
        number, event_us = trades.number[trades.first], trades.event_us[trades.first]
        is_start = (np.diff(number, prepend=-1) != 0) | (np.diff(event_us, prepend=0) > _SAME_FRAME_US)
        starts = trades.first[is_start]
        frames = self._dialect.trades("update", trades, starts)
        sent_ns = trades.event_us[np.append(starts[1:], len(trades.number)) - 1] * 1_000 + _NETWORK_NS
        for recv_ns, frame in zip(sent_ns.tolist(), frames, strict=True):
            if recv_ns >= self._beat_ns + _HEARTBEAT_NS:
                yield from self._heartbeats(recv_ns)
            yield self._sent(recv_ns, frame)

    def _trades_before(self, end_ns: int) -> Iterator[Trades]:
        """Yield the trades before end_ns that were not yet, some at a time."""
        end_us = -(-end_ns // 1_000)
        if self._pending is None:
            self._pending = next(self._coming, None)
        while self._pending is not None:
            before, rest = self._pending.split(end_us)
            self._pending = rest
            if len(before.number):
                yield before
            if len(rest.number):
                return
            self._pending = next(self._coming, None)

    def _remember(self, trades: Trades) -> None:
        """Keep each instrument's last 50 trades, instrument by instrument."""
        columns = [np.concatenate(pair) for pair in zip(self._recent[:-1], trades[:-1], strict=True)]
        order = np.argsort(columns[0], kind="stable")
        counts = np.bincount(columns[0], minlength=self._instruments)
        ends = np.repeat(np.cumsum(counts), counts)
        latest = order[ends - np.arange(len(order)) <= SNAPSHOT_TRADES]
        self._recent = Trades(*[*(column[latest] for column in columns), np.arange(len(latest))])

    def _heartbeats(self, until_ns: int) -> Iterator[Received]:
        while self._beat_ns + _HEARTBEAT_NS <= until_ns:
            beat_ns = self._beat_ns + _HEARTBEAT_NS + self._draws.word() % 4_000 * 1_000
            yield self._sent(beat_ns, self._dialect.HEARTBEAT)
            self._beat_ns = beat_ns

    def _sent(self, recv_ns: int, frame: bytes) -> Received:
        self._recv_ns = max(self._recv_ns + _STEP_NS, recv_ns)
        if not self._dialect.BEATS_WHEN_BUSY:
            self._beat_ns = self._recv_ns
        return self._recv_ns, frame
