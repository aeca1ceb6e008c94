"""What each exchange sends, told apart but not understood.

A module in this package is an exchange: its file name is the exchange's name and it defines `EXCHANGE`.
Classification is all that happens before the topic, so the schema under test is the only place where a
frame is given a meaning:

    >>> EXCHANGES["kraken"].classify(b'{"channel":"heartbeat"}')
    Frame(kind=<FrameKind.CONTROL: 'control'>, symbol='', channel='heartbeat', trades=0)

How an exchange is asked for trades is its `wire`: data and pure functions, without a socket or a clock.
"""

from __future__ import annotations

import enum
import importlib
import json
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple, Never

import msgspec

TOPIC_PREFIX = "market.crypto.trades"
DLQ_TOPIC = f"{TOPIC_PREFIX}.dlq"


class FrameKind(enum.StrEnum):
    """Where a frame goes."""

    TRADE = "trade"  # to the exchange's topic, whatever its contents are worth
    CONTROL = "control"  # ack, error answer, heartbeat, status, pong: a metric
    MARKET = "market"  # another market-data channel: counted and sent no further
    UNKNOWN = "unknown"  # anything else: to DLQ_TOPIC


class Frame(msgspec.Struct, frozen=True, gc=False):
    """What a frame looks like from outside.

    `symbol` is the exchange's own, '' when there is none. `channel` is one of a small fixed set per exchange,
    so that it can label a metric. `trades` is the number of trades of a TRADE frame (1 when it cannot be
    told), and 0 for every other kind.
    """

    kind: FrameKind
    symbol: str
    channel: str
    trades: int


UNKNOWN_FRAME = Frame(FrameKind.UNKNOWN, "", "unknown", 0)
# ClickHouse makes no row of a Kafka message without bytes: one in a topic would be an offset that ends nowhere.
# There is nothing in it to keep either: it is counted like a heartbeat.
EMPTY_FRAME = Frame(FrameKind.CONTROL, "", "empty", 0)


class AnswerKind(enum.StrEnum):
    """What a control frame means for the connection it came on."""

    ACCEPTED = "accepted"  # a subscription holds
    REFUSED = "refused"  # a subscription will not hold, however often it is asked for
    BUSY = "busy"  # not now, because we asked too much at once or for reasons of its own: try again later
    LEAVING = "leaving"  # the exchange will close this connection soon: replace it before


class Answer(msgspec.Struct, frozen=True):
    """`request_id` is None where the exchange gave none, `symbol` '' where the whole request is meant."""

    kind: AnswerKind
    request_id: int | None = None
    symbol: str = ""
    reason: str = ""


class Attempts(NamedTuple):
    """How many connections an address may open within a time."""

    connections: int
    within_s: float


@dataclass(frozen=True, slots=True)
class Wire:
    """How an exchange is asked for trades: its addresses, limits and messages.

    Every function is pure, and those that take a frame never raise. `symbol_fault` says what is wrong with a
    symbol before anybody is asked, '' if nothing is. `answer` gives None for a frame that answers nothing.
    `ping` makes a message that the exchange itself answers; None where a WebSocket ping has to do.
    `trade_ids` are those of a TRADE frame in its order, () where the format has none; `event_ns` is the
    exchange's own time of the last trade in it, in ns since 1970, 0 if there is none. Both are a quick look
    for metrics: a frame that hides them from it is relayed all the same.
    """

    url: str
    address: Callable[[str], str]  # `url`, or what was given in its place, to the address that is opened
    symbols_per_connection: int
    symbols_per_message: int
    message_interval_s: float
    lifetime_s: float | None  # after which the exchange cuts a connection
    attempts: Attempts
    symbol_fault: Callable[[str], str]
    subscribe: Callable[[Sequence[str], int], str]  # symbols and request id to the message
    answer: Callable[[bytes], Answer | None]
    ping: Callable[[int], str] | None
    trade_ids: Callable[[bytes], Sequence[int]]
    event_ns: Callable[[bytes], int]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange. `classify` takes any bytes and never raises."""

    name: str
    topic: str
    classify: Callable[[bytes], Frame]
    wire: Wire


def read_json(frame: bytes) -> object:
    """The frame as Python values, every number as None; raises ValueError when it is not JSON.

    This is the slow and exact reading (RFC 8259: UTF-8, no NaN, no byte order mark). It decides where the
    fast decoders are stricter (lone surrogates) or laxer (bytes in skipped strings) than JSON.
    """
    try:
        return json.loads(frame.decode(), parse_int=_skip, parse_float=_skip, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply to be a frame") from error


def not_json(frame: bytes) -> Frame:
    """What a frame is that `read_json` refused."""
    return UNKNOWN_FRAME if frame else EMPTY_FRAME


def text(value: object) -> str:
    """`value` if it is text that can be a message key in UTF-8, else ''."""
    if not isinstance(value, str):
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:
        return ""
    return value


def is_utf8(frame: bytes) -> bool:
    """True if the bytes are UTF-8, as every WebSocket text message has to be (RFC 6455, section 5.6)."""
    if frame.isascii():
        return True
    try:
        frame.decode()
    except UnicodeDecodeError:
        return False
    return True


def _skip(number: str) -> None:
    """No number tells frames apart, and one of 5,000 digits would make int() raise."""


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is not JSON")


def _discover() -> Mapping[str, Exchange]:
    found: dict[str, Exchange] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        exchange = importlib.import_module(f"{__name__}.{module.name}").EXCHANGE
        if exchange.name != module.name:
            raise ImportError(f"exchanges/{module.name}.py defines {exchange.name!r}; name the file after it")
        found[exchange.name] = exchange
    return MappingProxyType(found)


EXCHANGES: Mapping[str, Exchange] = _discover()
TOPICS: Final = (*(exchange.topic for exchange in EXCHANGES.values()), DLQ_TOPIC)
"""All topics of a pipeline."""
