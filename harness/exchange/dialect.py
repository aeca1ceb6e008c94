"""What a dialect is: one public protocol of one exchange, pure. Text goes in and answers come out.

A dialect keeps what the exchange knows (its streams, its last trades); a session keeps what it knows of one
connection. Neither has a socket or a clock: every time is handed in, in ns since 1970.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

import msgspec

SECOND_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What an exchange grants a connection. Defaults are the exchanges' own; times in seconds.

    `messages_per_s`: one that sends more is cut off (Binance). `requests_per_s`: one that sends more is told so
    (Kraken, which publishes no number and lets it depend on its load; clients report about 15 in a burst).
    """

    ping_every_s: float = 20.0
    pong_within_s: float = 60.0
    lifetime_s: float = 86_400.0
    messages_per_s: int = 5
    requests_per_s: int = 15
    streams: int = 1024
    attempts_per_5_min: int = 300
    heartbeat_s: float = 1.0
    snapshot_trades: int = 50


@dataclass(frozen=True, slots=True)
class Say:
    """Send this text: an answer, a heartbeat, a status."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Resend:
    """Send this text, which brings trades of a stream again, as an exchange does by itself."""

    text: bytes
    stream: str


@dataclass(frozen=True, slots=True)
class Subscribed:
    """From here on the connection gets this stream."""

    stream: str


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """From here on it does not."""

    stream: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Send a ping with this payload."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection with a code and a reason."""

    code: int
    reason: str


Output = Say | Resend | Subscribed | Unsubscribed | Ping | Close


@dataclass(frozen=True, slots=True)
class Refusal:
    """The handshake is answered with this HTTP status instead of a connection."""

    status: int
    text: str


class Played(msgspec.Struct, gc=False):
    """A captured frame as a dialect reads it: whom it is for, and the forms in which connections get it.

    `stream` is None where no subscription can be told from it: everybody who is subscribed to anything gets it.
    `forms` holds what was made of the frame so far, by form.
    """

    frame: bytes
    stream: str | None
    forms: dict[int, bytes]


class Session(ABC):
    """What the exchange knows of one connection."""

    form: int = 0
    """The form of a frame that it gets, see Dialect.dress."""

    @abstractmethod
    def greet(self, now_ns: int) -> Iterable[Output]:
        """What is sent as soon as the connection is open."""

    @abstractmethod
    def receive(self, text: str, now_ns: int) -> Iterable[Output]:
        """Answer one text message of the client."""

    @abstractmethod
    def tick(self, now_ns: int, last_sent_ns: int) -> Iterable[Output]:
        """Let time pass: heartbeats, pings, limits. Called a few times a second."""

    def control(self, pong: bytes | None, now_ns: int) -> Iterable[Output]:  # noqa: ARG002  # not all count them
        """A pong with this payload came, or a ping (None)."""
        return ()

    def farewell(self, now_ns: int) -> Iterable[Output]:  # noqa: ARG002  # not all say anything
        """What is sent before the exchange closes a connection on purpose."""
        return ()


class Dialect(ABC):
    """One protocol of one exchange, and what the exchange knows. One object for each server."""

    exchange: ClassVar[str]
    name: ClassVar[str]
    path: ClassVar[str]
    """What follows the server's address in the URL that the exchange's feed handler is given."""
    example: ClassVar[str]
    """A path to connect to, for people."""
    is_fed: ClassVar[bool]
    """Whether `k2 feed` speaks it."""

    def __init__(self, limits: Limits, connection_id: Callable[[], int]) -> None:
        self.limits = limits
        self.connection_id = connection_id
        self.streams: set[str] = set()
        """The streams of what is going to be played."""

    @abstractmethod
    def connect(self, target: str, address: str, now_ns: int) -> Session | Refusal | None:
        """Open a session for a request's path and query; None where the path is another dialect's."""

    @abstractmethod
    def speaks(self, frame: bytes) -> bool:
        """Whether a frame of the exchange is of this dialect: every frame is of exactly one."""

    @abstractmethod
    def read(self, frame: bytes) -> Played:
        """Tell whom a frame is for; any bytes will do."""

    def dress(self, played: Played, form: int) -> bytes:  # noqa: ARG002  # most have one form
        """The frame as a session of this form gets it."""
        return played.frame

    @abstractmethod
    def symbol(self, stream: str) -> str:
        """The exchange's own name of a stream's symbol, as a feed handler is asked for it."""

    @abstractmethod
    def stream(self, symbol: str) -> str:
        """The stream of a symbol's trades."""

    @abstractmethod
    def trade_keys(self, frame: bytes) -> tuple[Hashable, ...]:
        """What tells the trades of a frame from all others; empty where there are none to tell."""

    def learn(self, played: Played) -> None:
        """Take note of a frame that is going to be played."""
        if played.stream is not None:
            self.streams.add(played.stream)

    def remember(self, played: Played) -> None:  # noqa: B027  # an exchange that resends nothing forgets
        """Take note of a frame that is played now."""


def dialect_of(dialects: Iterable[Dialect], exchange: str, frame: bytes) -> Dialect:
    """The one of `dialects` that a captured frame is of. Raises LookupError where the exchange has none."""
    for dialect in dialects:
        if dialect.exchange == exchange and dialect.speaks(frame):
            return dialect
    raise LookupError(f"no dialect of {exchange!r} speaks {frame[:80]!r}; add one to harness/exchange/dialects")
