"""What becomes of frames: topic, key, headers and counts, and when reading stops."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from k2pipeline.exchanges import DLQ_TOPIC, EXCHANGES, FrameKind
from k2pipeline.feed.continuity import Continuity
from k2pipeline.feed.outlet import Headers
from k2pipeline.feed.relay import Relay
from k2pipeline.feed.stats import Stats
from k2pipeline.feed.valve import Valve

RECV_NS = 1_767_225_600_123_456_789


@dataclass
class Sent:
    """An outlet that keeps what it is given."""

    messages: list[tuple[str, bytes, bytes, int, Headers]] = field(default_factory=list)
    is_full: bool = False
    has_room: bool = True
    served: int = 0

    def send(self, topic: str, frame: bytes, key: bytes, timestamp_ms: int, headers: Headers) -> None:
        self.messages.append((topic, frame, key, timestamp_ms, headers))

    def serve(self) -> None:
        self.served += 1


@dataclass
class Heard:
    """A connection that notes the control frames it is told of."""

    conn: str = "c0ffee"
    continuity: Continuity = field(default_factory=Continuity)
    frames: list[tuple[str, bytes]] = field(default_factory=list)

    def hear(self, channel: str, frame: bytes) -> None:
        self.frames.append((channel, frame))


class Socket:
    def __init__(self) -> None:
        self.is_paused = False

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False


def relay(exchange: str) -> tuple[Relay, Sent, Valve, Stats]:
    stats, sent = Stats(), Sent()
    valve = Valve(stats, lambda: RECV_NS)
    return Relay(EXCHANGES[exchange], sent, valve, stats), sent, valve, stats  # type: ignore[arg-type]


def spot(number: int, symbol: str = "BTCUSDT") -> bytes:
    return b'{"stream":"x","data":{"e":"trade","E":%d,"s":"%b","t":%d}}' % (
        RECV_NS // 1_000_000 - 40,
        symbol.encode(),
        number,
    )


def test_a_trade_is_sent_as_it_is_with_key_time_and_headers() -> None:
    relaying, sent, _, _ = relay("binance")
    relaying.accept(Heard(), [spot(1), spot(2, "币安人生USDT")], RECV_NS)
    headers = [("recv_ns", b"1767225600123456789"), ("conn", b"c0ffee")]
    topic = "market.crypto.trades.binance"
    assert sent.messages == [
        (topic, spot(1), b"BTCUSDT", 1_767_225_600_123, headers),
        (topic, spot(2, "币安人生USDT"), "币安人生USDT".encode(), 1_767_225_600_123, headers),
    ]


def test_what_is_not_understood_goes_to_the_dead_letters_with_its_exchange() -> None:
    relaying, sent, _, _ = relay("kraken")
    relaying.accept(Heard(), [b"\xff", b"{}"], RECV_NS)
    headers = [("recv_ns", b"1767225600123456789"), ("conn", b"c0ffee"), ("exchange", b"kraken")]
    assert sent.messages == [(DLQ_TOPIC, frame, b"", 1_767_225_600_123, headers) for frame in (b"\xff", b"{}")]


def test_control_and_other_market_frames_are_counted_and_the_connection_hears_the_former() -> None:
    relaying, sent, _, stats = relay("kraken")
    source = Heard()
    frames = [b'{"channel":"heartbeat"}', b'{"channel":"ticker","data":[]}', b"", b'{"method":"pong"}']
    relaying.accept(source, frames, RECV_NS)
    assert sent.messages == []
    assert source.frames == [("heartbeat", frames[0]), ("empty", b""), ("pong", frames[3])]
    assert stats.frames == {
        (FrameKind.CONTROL, "heartbeat"): 1,
        (FrameKind.MARKET, "ticker"): 1,
        (FrameKind.CONTROL, "empty"): 1,
        (FrameKind.CONTROL, "pong"): 1,
    }
    assert stats.frame_bytes == sum(map(len, frames))
    assert stats.last_frame_ns == RECV_NS


def test_the_last_trade_of_a_wanted_symbol_is_noted_and_no_other_name() -> None:
    relaying, _, _, stats = relay("binance")
    stats.last_trade_ns = {"BTCUSDT": 0, "ETHUSDT": 0}
    relaying.accept(Heard(), [spot(1), spot(2, "GARBAGE")], RECV_NS)
    assert stats.last_trade_ns == {"BTCUSDT": RECV_NS, "ETHUSDT": 0}


def test_lag_is_observed_once_a_read_and_gaps_at_every_frame() -> None:
    relaying, _, _, stats = relay("binance")
    source = Heard()
    relaying.accept(source, [spot(1), spot(3), spot(4)], RECV_NS)
    relaying.accept(source, [spot(9)], RECV_NS)
    assert sum(stats.lag.counts) == 2
    assert stats.lag.newest_ns == pytest.approx(40_000_000, abs=1_000_000)
    assert stats.gaps == {"BTCUSDT": 2}
    assert stats.gap_trades == {"BTCUSDT": 1 + 4}


def test_a_full_outlet_stops_the_reading_of_every_socket_until_there_is_room() -> None:
    relaying, sent, valve, stats = relay("binance")
    one, two = Socket(), Socket()
    valve.add(one)
    valve.add(two)
    sent.is_full, sent.has_room = True, False
    relaying.accept(Heard(), [spot(1)], RECV_NS)
    relaying.accept(Heard(), [spot(2)], RECV_NS)  # what had been read already
    three = Socket()
    valve.add(three)
    assert [socket.is_paused for socket in (one, two, three)] == [True, True, True]
    assert (stats.pauses, stats.paused_since_ns) == (1, RECV_NS)
    relaying.serve()
    assert one.is_paused
    sent.is_full, sent.has_room = False, True
    relaying.serve()
    assert [socket.is_paused for socket in (one, two, three)] == [False, False, False]
    assert stats.paused_since_ns == 0
    assert len(sent.messages) == 2


def test_a_connection_that_is_gone_is_not_resumed() -> None:
    relaying, sent, valve, _ = relay("binance")
    gone = Socket()
    valve.add(gone)
    valve.shut()
    valve.remove(gone)
    relaying.serve()
    assert sent.served == 1
    assert gone.is_paused
