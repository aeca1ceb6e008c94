"""Kraken trade connections: WebSocket v2 (live today) and v1 (in captures).

Sources: https://docs.kraken.com/api/docs/websocket-v2/trade and https://docs.kraken.com/api/docs/websocket-v1/trade,
read 2026-09-26; order of keys and style of numbers as in recorded frames.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from harness.synthetic.draws import stream
from harness.synthetic.instruments import decimal_text, instrument
from harness.synthetic.trades import Market, Order, Plan, Received, Trade

NAME = "kraken"
TRADES_PER_SECOND = 100
INSTRUMENTS = (
    instrument("BTC/USD", "84095.7", "0.00275723"),
    instrument("ETH/USD", "2688.30", "0.03981800"),
    instrument("SOL/USD", "141.21", "1.20511200"),
    instrument("XRP/USD", "2.48161", "95.10040000"),
    instrument("USDT/USD", "0.99985", "310.55281111"),
    instrument("ETH/EUR", "2294.17", "0.02811900"),
    instrument("DOGE/USD", "0.2133100", "420.71200100"),
    instrument("BTC/EUR", "71760.1", "0.00150000"),
    instrument("SOL/BTC", "0.0016794", "0.92100000"),
    instrument("ETH/BTC", "0.03197", "0.04100000"),
    instrument("BTC/USDT", "84110.3", "0.00110000"),
    instrument("ADA/EUR", "0.547911", "151.00210000"),
    instrument("DOGE/EUR", "0.1821100", "390.00000000"),
)
_V1_NAMES = {"BTC": "XBT", "DOGE": "XDG"}

SNAPSHOT_TRADES = 50
_HANDSHAKE_NS = 200_000_000
_STEP_NS = 10_000
_HEARTBEAT_NS = 1_000_000_000
_NETWORK_NS = 18_000_000
_SIZE_DECIMALS = 8


class Dialect(Protocol):
    """One protocol version's frames, and whether its heartbeats come while trades flow."""

    HEARTBEAT: str
    BEATS_WHEN_BUSY: bool

    def status(self, connection_id: int) -> str: ...
    def ack(self, number: int, symbol: str, now_ns: int) -> str: ...
    def trades(self, kind: str, number: int, trades: Iterable[Trade]) -> str: ...


class V2:
    """WebSocket v2: objects, prices and sizes as JSON numbers that keep their trailing zeros."""

    HEARTBEAT = '{"channel":"heartbeat"}'
    BEATS_WHEN_BUSY = False

    def status(self, connection_id: int) -> str:
        """Encode the first frame of a connection."""
        return (
            '{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2",'
            f'"connection_id":{connection_id},"upcoming_maintenance":[],"emergency":[]}}]}}'
        )

    def ack(self, number: int, symbol: str, now_ns: int) -> str:  # noqa: ARG002
        """Encode the answer to one symbol's subscription."""
        return (
            f'{{"method":"subscribe","result":{{"channel":"trade","snapshot":true,"symbol":"{symbol}"}},'
            f'"success":true,"time_in":"{rfc3339(now_ns - 41_000)}","time_out":"{rfc3339(now_ns)}"}}'
        )

    def trades(self, kind: str, number: int, trades: Iterable[Trade]) -> str:  # noqa: ARG002
        """Encode a frame of that kind, `update` or `snapshot`."""
        data = ",".join(map(_v2_trade, trades))
        return f'{{"channel":"trade","type":"{kind}","data":[{data}]}}'


class V1:
    """WebSocket v1: arrays of strings, no trade id, XBT and XDG for BTC and DOGE."""

    HEARTBEAT = '{"event":"heartbeat"}'
    BEATS_WHEN_BUSY = True

    def status(self, connection_id: int) -> str:
        """Encode the first frame of a connection."""
        return (
            f'{{"connectionID":{connection_id},"event":"systemStatus","status":"online","version":"1.9.6"}}'
        )

    def ack(self, number: int, symbol: str, now_ns: int) -> str:  # noqa: ARG002
        """Encode the answer to one pair's subscription; channel ids are 16 apart, as recorded ones are."""
        return (
            f'{{"channelID":{321 + 16 * number},"channelName":"trade","event":"subscriptionStatus",'
            f'"pair":"{symbol}","status":"subscribed","subscription":{{"name":"trade"}}}}'
        )

    def trades(self, kind: str, number: int, trades: Iterable[Trade]) -> str:  # noqa: ARG002
        """Encode a frame; v1 does not say whether it resends."""
        rows = list(trades)
        data = ",".join(map(_v1_trade, rows))
        return f'[{321 + 16 * number},[{data}],"trade","{rows[0].instrument.symbol}"]'


def v1_symbol(symbol: str) -> str:
    """Give v1's name of a v2 symbol.

    >>> v1_symbol("DOGE/EUR")
    'XDG/EUR'
    """
    return "/".join(_V1_NAMES.get(asset, asset) for asset in symbol.split("/"))


def _v2_trade(trade: Trade) -> str:
    instrument, trade_id, price_ticks, lots, taker_buys, market, event_ns = trade
    return (
        f'{{"symbol":"{instrument.symbol}","side":"{"buy" if taker_buys else "sell"}",'
        f'"price":{decimal_text(price_ticks, instrument.price_decimals)},'
        f'"qty":{decimal_text(lots, instrument.size_decimals)},'
        f'"ord_type":"{"market" if market else "limit"}",'
        f'"trade_id":{trade_id},"timestamp":"{rfc3339(event_ns)}"}}'
    )


def _v1_trade(trade: Trade) -> str:
    instrument, _, price_ticks, lots, taker_buys, market, event_ns = trade
    # v1 pads prices with zeros beyond the tick: "57126.70000" on a tick of 0.1, "0.042990" on one of 0.00001.
    padding = "0" * max(5 - instrument.price_decimals, 1)
    price = decimal_text(price_ticks, instrument.price_decimals) + padding
    size = decimal_text(lots, instrument.size_decimals)
    seconds = decimal_text(event_ns // 1_000, 6)
    return f'["{price}","{size}","{seconds}","{"b" if taker_buys else "s"}","{"m" if market else "l"}",""]'


def rfc3339(time_ns: int) -> str:
    """Write a time as v2 does: UTC, six decimals, Z."""
    seconds, ns = divmod(time_ns, 10**9)
    return f"{_second(seconds)}.{ns // 1_000:06d}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without a connection; its trades come with the next snapshots, if among the last 50."""

    from_ns: int
    until_ns: int


def frames(
    plan: Plan, dialect: Dialect | None = None, outages: tuple[Outage, ...] = ()
) -> Iterator[Received]:
    """Yield status, acknowledgements, snapshots, updates and heartbeats by receive time; v2 by default.

    After each outage the connection starts over, so that Kraken resends every symbol's last 50 trades.
    """
    session = _Session(plan, dialect or V2())
    starts = [plan.start_ns, *(outage.until_ns for outage in outages)]
    ends = [*(outage.from_ns for outage in outages), plan.end_ns]
    for connected_ns, dropped_ns in zip(starts, ends, strict=True):
        yield from session.connection(connected_ns, dropped_ns)


class _Session:
    """A client's view of the market through successive connections."""

    def __init__(self, plan: Plan, dialect: Dialect) -> None:
        self._dialect = dialect
        self._draw = stream(plan.seed, f"{NAME}/network")
        market = Market(plan.seed, NAME, plan.instruments)
        first_ns = plan.start_ns + _HANDSHAKE_NS
        self._numbers = {instrument.symbol: n for n, instrument in enumerate(plan.instruments)}
        self._recent = {
            symbol: deque(market.history(n, SNAPSHOT_TRADES, first_ns), maxlen=SNAPSHOT_TRADES)
            for symbol, n in self._numbers.items()
        }
        self._orders = market.orders(first_ns, plan.end_ns, plan.trades_per_second)
        self._pending: Order | None = next(self._orders, None)
        self._recv_ns = self._beat_ns = 0

    def connection(self, connected_ns: int, dropped_ns: int) -> Iterator[Received]:
        """Yield (receive time, frame) from the status frame to the drop."""
        self._recv_ns = max(self._recv_ns + _STEP_NS, connected_ns)
        self._beat_ns = connected_ns
        for _ in self._orders_before(connected_ns + _HANDSHAKE_NS):
            pass
        yield from self._greeting(connected_ns)
        for order in self._orders_before(dropped_ns):
            recv_ns = order[-1].event_ns + _NETWORK_NS + (self._draw() >> 32).bit_count() * 500_000
            yield from self._heartbeats(recv_ns)
            number = self._numbers[order[0].instrument.symbol]
            yield self._sent(recv_ns, self._dialect.trades("update", number, order))
        yield from self._heartbeats(dropped_ns)

    def _greeting(self, connected_ns: int) -> Iterator[Received]:
        yield self._sent(connected_ns, self._dialect.status(self._draw() | 1 << 63))
        subscribed_ns = connected_ns + _HANDSHAKE_NS
        for symbol, number in self._numbers.items():
            yield self._sent(subscribed_ns, self._dialect.ack(number, symbol, subscribed_ns))
        for symbol, number in self._numbers.items():
            yield self._sent(subscribed_ns, self._dialect.trades("snapshot", number, self._recent[symbol]))

    def _orders_before(self, end_ns: int) -> Iterator[Order]:
        """Yield the orders before end_ns, each after it was noted for later snapshots."""
        while self._pending and self._pending[0].event_ns < end_ns:
            order = self._pending
            self._recent[order[0].instrument.symbol].extend(order)
            yield order
            self._pending = next(self._orders, None)

    def _heartbeats(self, until_ns: int) -> Iterator[Received]:
        while self._beat_ns + _HEARTBEAT_NS <= until_ns:
            beat_ns = self._beat_ns + _HEARTBEAT_NS + self._draw() % 4_000 * 1_000
            yield self._sent(beat_ns, self._dialect.HEARTBEAT)
            self._beat_ns = beat_ns

    def _sent(self, recv_ns: int, frame: str) -> Received:
        self._recv_ns = max(self._recv_ns + _STEP_NS, recv_ns)
        if not self._dialect.BEATS_WHEN_BUSY:
            self._beat_ns = self._recv_ns
        return self._recv_ns, frame
