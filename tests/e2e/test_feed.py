"""`k2 feed` between a scripted exchange and the real broker: every frame arrives, once read, whatever happens.

Verified by reading the topics back and comparing bytes. The exchanges' own protocols are only as real here as
the scripts are; the simulated exchange of the harness is another test's.
"""

from __future__ import annotations

import json
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

import psutil
import pytest

from k2pipeline.exchanges import DLQ_TOPIC
from k2pipeline.feed.limits import Limits
from k2pipeline.schema import SchemaVariables, apply_schema
from k2pipeline.stack import Stack, start_stack
from k2pipeline.stack.broker import LocalBroker
from k2pipeline.stack.topics import create_topics
from tests.e2e.feed_rig import (
    PAIRS,
    PARTITIONS,
    SPOT,
    Feeds,
    Peer,
    Script,
    metrics,
    pair_trade,
    spot_trade,
    subscribed_then,
    values,
)
from tests.e2e.rig import wait_for

pytestmark = pytest.mark.e2e
READ_BYTES = 256 * 1024


def trades(first: int, last: int, **more: Any) -> list[bytes]:
    return [spot_trade(number, **more) for number in range(first, last + 1)]


def test_frames_arrive_byte_for_byte_in_order_with_key_time_and_headers(feeds: Feeds) -> None:
    odd = '{"stream":"x","data":{"e":"trade","s":"币安人生USDT","p":"1.0","x":"\\u0041  "}}'.encode()
    frames = [*trades(1, 3_000), odd, *trades(3_001, 3_100), *trades(1, 500, symbol="ETHUSDT"), b"x" * 70_000, b"{}"]
    other = [b'{"stream":"x","data":{"e":"aggTrade","s":"BTCUSDT"}}', b'{"result":null,"id":99}', b""]
    before_ns = time.time_ns()
    feed = feeds.start(feeds.exchange(subscribed_then(*other, *frames)), "--symbols", "BTCUSDT,ETHUSDT")
    ready = feed.ready()
    assert ready["symbols"] == ["BTCUSDT", "ETHUSDT"]
    messages = feeds.topic().until(3_601)
    letters = feeds.topic(DLQ_TOPIC).until(2)
    after_ns = time.time_ns()

    by_key = {key: [m.value() for m in messages if m.key() == key] for key in {m.key() for m in messages}}
    assert by_key == {
        b"BTCUSDT": trades(1, 3_100),
        b"ETHUSDT": trades(1, 500, symbol="ETHUSDT"),
        "币安人生USDT".encode(): [odd],
    }
    assert sorted(values(letters)) == sorted([b"x" * 70_000, b"{}"])
    assert {len({m.partition() for m in messages if m.key() == key}) for key in by_key} == {1}
    conns = set()
    for message in [*messages, *letters]:
        headers = dict(message.headers() or [])
        recv_ns = int(headers["recv_ns"])
        assert before_ns < recv_ns < after_ns
        assert message.timestamp()[1] == recv_ns // 1_000_000
        assert list(headers) == ["recv_ns", "conn", *(["exchange"] if message.topic() == DLQ_TOPIC else [])]
        conns.add(headers["conn"])
    assert len(conns) == 1
    assert {dict(letter.headers() or [])["exchange"] for letter in letters} == {b"binance"}

    found = metrics(ready["metrics_port"])
    assert found['k2_feed_frames_total{channel="trade",exchange="binance",kind="trade"}'] == 3_601
    assert found['k2_feed_frames_total{channel="aggTrade",exchange="binance",kind="market"}'] == 1
    assert found['k2_feed_frames_total{channel="ack",exchange="binance",kind="control"}'] == 2
    assert found['k2_feed_frames_total{channel="empty",exchange="binance",kind="control"}'] == 1
    assert found['k2_feed_frames_total{channel="unknown",exchange="binance",kind="unknown"}'] == 2
    assert found['k2_feed_connections{exchange="binance"}'] == 1
    # A consumer may see a message before the handler has heard that the broker has it.
    queue = 'k2_feed_queue_messages{exchange="binance"}'
    wait_for(lambda: metrics(ready["metrics_port"])[queue] == 0, "everything acknowledged")
    assert feed.stop() == 0


def test_kraken_snapshot_is_relayed_and_event_time_comes_from_updates(feeds: Feeds) -> None:
    frames = [pair_trade(1, kind="snapshot", count=50), pair_trade(51), pair_trade(52, count=3)]
    exchange = feeds.exchange(subscribed_then(b'{"channel":"heartbeat"}', *frames))
    feed = feeds.start(exchange, name="kraken")
    port = feed.ready()["metrics_port"]
    assert values(feeds.topic(PAIRS).until(3)) == frames
    assert json.loads(exchange.peers[0].requests[1])["params"] == {
        "channel": "trade",
        "symbol": ["BTC/USD"],
        "snapshot": True,
    }
    found = metrics(port)
    assert found['k2_feed_event_lag_seconds_count{exchange="kraken"}'] >= 1
    assert not any(name.startswith("k2_feed_gap") for name in found)


def test_a_server_ping_is_answered_and_fragments_are_put_together(feeds: Feeds) -> None:
    answered = Event()

    def script(peer: Peer) -> None:
        peer.accept_symbols()
        whole = spot_trade(1)
        peer._protocol.send_text(whole[:10], fin=False)
        peer.ping()
        peer._protocol.send_continuation(whole[10:], fin=True)
        peer.send(spot_trade(2))
        peer.heard_pong()
        answered.set()

    feeds.start(feeds.exchange(script)).ready()
    assert values(feeds.topic().until(2)) == trades(1, 2)
    assert answered.wait(60)


def test_sigterm_loses_nothing_that_was_sent_before_the_connection_closed(feeds: Feeds) -> None:
    """The script sends as fast as it can, until the handler has closed; whatever went out before must arrive."""
    sent: list[bytes] = []
    feed = feeds.start(feeds.exchange(sending_until_closed(sent)), close_s=30)
    feed.ready()
    wait_for(lambda: len(sent) > 20_000, "20,000 frames sent")
    assert feed.stop() == 0
    assert values(feeds.topic().until(len(sent))) == sent


def sending_until_closed(sent: list[bytes]) -> Script:
    """As fast as it is read; `sent` holds what the kernel took."""

    def script(peer: Peer) -> None:
        peer.accept_symbols()
        number = 0
        while True:
            batch = trades(number, number + 99)
            peer.socket.settimeout(60)
            peer.send(*batch)
            sent.extend(batch)
            number += 100
            peer.socket.setblocking(False)
            try:
                peer._pump()
            except BlockingIOError:
                continue

    return script


def test_sigterm_under_back_pressure_waits_for_the_broker_and_loses_nothing(feeds: Feeds, broker: LocalBroker) -> None:
    """What TCP took while the broker stood still is more than the queue holds, so reading stops while closing too."""
    sent: list[bytes] = []
    exchange = feeds.exchange(sending_until_closed(sent))
    feed = feeds.start(exchange, close_s=2, queue_high_messages=200, queue_low_messages=50)
    port = feed.ready()["metrics_port"]
    broker.process.pause()
    wait_for(lambda: metrics(port)['k2_feed_paused{exchange="binance"}'] == 1, "reading paused")
    unchanged_for(0.5, lambda: len(sent))
    feed.process.terminate()
    unchanged_for(4, lambda: len(sent))  # far longer than closing may take
    assert feed.process.poll() is None
    broker.process.resume()
    assert feed.ended() == 0
    assert len(feed.said("reading paused: the broker is slower than the exchange")) > 1
    assert values(feeds.topic().until(len(sent))) == sent


def test_sigterm_with_a_broker_that_stays_away_is_exit_3_and_says_that_frames_were_left(
    feeds: Feeds, broker: LocalBroker
) -> None:
    sent: list[bytes] = []
    feed = feeds.start(feeds.exchange(sending_until_closed(sent)), flush_s=1, queue_high_messages=2_000,
                       queue_low_messages=500)  # fmt: skip
    port = feed.ready()["metrics_port"]
    broker.process.pause()
    wait_for(lambda: metrics(port)['k2_feed_paused{exchange="binance"}'] == 1, "reading paused")
    assert feed.stop() == 3
    assert "took nothing for 1 s after the signal" in feed.stderr
    assert feed.said("connections closed unread: the broker takes nothing")


def test_an_exchange_that_is_away_is_tried_again_until_a_signal(feeds: Feeds) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"ws://127.0.0.1:{nobody.getsockname()[1]}"
    feed = feeds.start(url, backoff_base_s=0.01)
    wait_for(lambda: len(feed.said("no connection")) >= 3, "three attempts")
    assert {line["cause"] for line in feed.said("no connection")} == {"unreachable"}
    assert feed.stop(signal.SIGINT) == 0


ENDS: dict[str, Callable[[Peer], None]] = {
    "closed in order": lambda peer: peer.close(1000),
    "going away": lambda peer: peer.close(1001),
    "internal error": lambda peer: peer.close(1011, "oops"),
    "cut": lambda peer: peer.cut(),
    "broken frame": lambda peer: peer.socket.sendall(b"\xff\xff\xff\xff"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_a_connection_that_ends_is_replaced_and_both_are_relayed(feeds: Feeds, end: Callable[[Peer], None]) -> None:
    def first(peer: Peer) -> None:
        peer.accept_symbols()
        peer.send(*trades(1, 100))
        end(peer)

    feed = feeds.start(feeds.exchange(first, subscribed_then(*trades(51, 150))))
    feed.ready()
    messages = feeds.topic().until(200)
    assert values(messages) == [*trades(1, 100), *trades(51, 150)]
    assert len({dict(m.headers() or [])["conn"] for m in messages}) == 2
    assert feed.process.poll() is None


def test_after_a_clean_close_it_is_back_at_once_and_after_a_cut_it_waits(feeds: Feeds) -> None:
    stable_s = 0.2

    def has_lasted() -> bool:
        subscribed, ended = feed.said("subscribed"), feed.said("connection ended")
        lasts_s = time.time() - datetime.fromisoformat(subscribed[-1]["at"]).timestamp() if subscribed else 0
        return len(subscribed) > len(ended) and lasts_s > 2 * stable_s

    def lasting(peer: Peer, end: Callable[[Peer], None]) -> None:
        peer.accept_symbols()
        wait_for(has_lasted, "a connection that counts as stable")
        end(peer)

    exchange = feeds.exchange(
        lambda peer: lasting(peer, ENDS["closed in order"]),
        lambda peer: lasting(peer, ENDS["cut"]),
        subscribed_then(),
    )
    feed = feeds.start(exchange, stable_s=stable_s, backoff_base_s=0.01)
    feed.ready()
    wait_for(lambda: len(feed.said("subscribed")) == 3, "three connections")
    clean, cut = feed.said("connection ended")
    assert (clean["cause"], clean["next_in_s"]) == ("clean", 0)
    assert cut["cause"] == "lost"
    assert 0 <= cut["next_in_s"] <= 0.01


def test_a_silent_connection_is_pinged_and_then_replaced(feeds: Feeds) -> None:
    pinged = Event()

    def silent(peer: Peer) -> None:
        peer.accept_symbols()
        peer.send(spot_trade(1))
        if peer.socket.recv(100)[0] == 0x89:  # a ping, which is not answered
            pinged.set()
        with suppress(OSError):
            while peer.socket.recv(100):  # silent until it is given up
                pass

    feed = feeds.start(feeds.exchange(silent, subscribed_then(spot_trade(2))), idle_s=0.3, pong_s=2)
    port = feed.ready()["metrics_port"]
    assert values(feeds.topic().until(2)) == trades(1, 2)
    assert pinged.is_set()
    assert feed.said("connection ended")[0]["cause"] == "silent"
    assert metrics(port)['k2_feed_reconnects_total{cause="silent",exchange="binance"}'] == 1


def test_an_exchange_that_answers_pings_is_not_replaced_for_having_no_trades(feeds: Feeds) -> None:
    quiet = feeds.exchange(lambda peer: peer.accept_symbols())
    feed = feeds.start(quiet, name="kraken", idle_s=0.2, pong_s=5)
    port = feed.ready()["metrics_port"]
    answering = 0
    while answering < 4:
        wait_for(lambda: len(quiet.peers[0].requests) > 2 + answering, "a ping")  # noqa: B023
        number = json.loads(quiet.peers[0].requests[-1])
        assert number["method"] == "ping"
        quiet.peers[0].send(json.dumps({"method": "pong", "req_id": number["req_id"]}).encode())
        answering += 1
    assert len(quiet.peers) == 1
    assert metrics(port)['k2_feed_frames_total{channel="pong",exchange="kraken",kind="control"}'] >= 3


def test_a_connection_is_replaced_ahead_of_its_cut_without_a_hole(feeds: Feeds) -> None:
    """Both connections carry the same running ids: each id must arrive at least once, over three replacements."""
    clock = time.monotonic()

    def script(peer: Peer) -> None:
        peer.accept_symbols()
        number = int((time.monotonic() - clock) * 1_000)
        peer.socket.settimeout(0.001)
        while True:
            now = int((time.monotonic() - clock) * 1_000)
            peer.send(*trades(number, now - 1))
            number = max(number, now)
            try:
                peer._pump()
            except TimeoutError:
                continue

    exchange = feeds.exchange(script)
    feed = feeds.start(exchange, lifetime_s=1.5, lifetime_margin_s=0.5, overlap_s=0.3, stable_s=0.2)
    feed.ready()
    wait_for(lambda: len(feed.said("replacing connection")) >= 3, "three replacements")
    assert feed.stop() == 0
    ids = Counter(json.loads(value)["data"]["t"] for value in values(feeds.topic().rest()))
    assert set(ids) == set(range(min(ids), max(ids) + 1)), "a hole"
    assert sum(count > 1 for count in ids.values()) > 100, "an overlap shows as trades that came twice"
    assert set(ids.values()) <= {1, 2}
    assert not any(line["event"] == "trade ids missing" for line in feed.events())
    assert feed.said("connection ended") == []


def test_a_server_that_announces_its_shutdown_is_left_before(feeds: Feeds) -> None:
    def leaving(peer: Peer) -> None:
        peer.accept_symbols()
        peer.send(spot_trade(1), b'{"e":"serverShutdown","E":1770123456789}', spot_trade(2))

    feed = feeds.start(feeds.exchange(leaving, subscribed_then(*trades(2, 3))), overlap_s=0.2, backoff_base_s=0.1)
    feed.ready()
    assert values(feeds.topic().until(4)) == [*trades(1, 2), *trades(2, 3)]
    wait_for(lambda: len(feed.said("subscribed")) == 2, "a second connection")
    assert feed.said("replacing connection")[0]["is_leaving"] is True


def test_a_symbol_refused_at_the_first_subscription_ends_it_with_2(feeds: Feeds) -> None:
    refused = {"PUPS/USD": "Currency pair not supported PUPS/USD"}
    exchange = feeds.exchange(lambda peer: peer.accept_symbols(refused))
    feed = feeds.start(exchange, "--symbols", "BTC/USD,PUPS/USD", name="kraken")
    assert feed.ended() == 2
    assert "kraken refused PUPS/USD: Currency pair not supported PUPS/USD. Correct --symbols" in feed.stderr


def test_a_wrong_symbol_is_found_in_a_request_refused_as_a_whole(feeds: Feeds) -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.accept_symbols({"NOSUCH": "Invalid request: invalid stream"})

    feed = feeds.start(feeds.exchange(script), "--symbols", "BTCUSDT,NOSUCH,ETHUSDT")
    assert feed.ended() == 2
    assert "binance refused NOSUCH: Invalid request: invalid stream" in feed.stderr


def test_a_symbol_refused_later_is_left_out_and_the_others_go_on(feeds: Feeds) -> None:
    def first(peer: Peer) -> None:
        peer.accept_symbols()
        peer.send(pair_trade(1))
        peer.cut()

    def second(peer: Peer) -> None:
        peer.accept_symbols({"OLD/USD": "Currency pair not supported OLD/USD"})
        peer.send(pair_trade(2))

        may_ask.wait(20)
        assert peer.accept_symbols({"OLD/USD": "Currency pair not supported OLD/USD"}) == ["OLD/USD"]
        assert peer.accept_symbols() == ["OLD/USD"]
        peer.send(pair_trade(3, "OLD/USD"))

    may_ask = Event()
    exchange = feeds.exchange(first, second)
    feed = feeds.start(exchange, "--symbols", "BTC/USD,OLD/USD", name="kraken", refused_retry_s=1.5)
    port = feed.ready()["metrics_port"]
    assert sorted(values(feeds.topic(PAIRS).until(2))) == [pair_trade(1), pair_trade(2)]
    assert feed.said("symbol refused, going on without it")[0]["symbol"] == "OLD/USD"
    found = metrics(port)
    assert found['k2_feed_symbols_refused{exchange="kraken"}'] == 1
    assert found['k2_feed_subscriptions{exchange="kraken"}'] == 1
    may_ask.set()
    assert sorted(values(feeds.topic(PAIRS).until(3)))[2] == pair_trade(3, "OLD/USD")
    wait_for(lambda: metrics(port)['k2_feed_symbols_refused{exchange="kraken"}'] == 0, "no symbol refused")
    assert metrics(port)['k2_feed_subscriptions{exchange="kraken"}'] == 2
    assert len(exchange.peers) == 2


def test_an_exchange_that_is_busy_is_asked_again_and_is_no_refusal(feeds: Feeds) -> None:
    def script(peer: Peer) -> None:
        peer.accept_symbols({"ETH/USD": "EService:Unavailable"})
        assert peer.accept_symbols({"ETH/USD": "EGeneral:Too many requests"}) == ["ETH/USD"]
        peer.send(pair_trade(1))
        assert peer.accept_symbols() == ["ETH/USD"]
        peer.send(pair_trade(2, "ETH/USD"))

    exchange = feeds.exchange(script)
    feed = feeds.start(exchange, "--symbols", "BTC/USD,ETH/USD", name="kraken", backoff_base_s=0.01)
    feed.ready()
    assert sorted(values(feeds.topic(PAIRS).until(2))) == [pair_trade(1), pair_trade(2, "ETH/USD")]
    reasons = [line["reason"] for line in feed.said("exchange is busy, asking again")]
    assert reasons == ["EService:Unavailable", "EGeneral:Too many requests"]
    assert len(exchange.peers) == 1
    assert feed.stop() == 0


def test_many_symbols_take_several_messages_and_connections_within_the_limits(feeds: Feeds) -> None:
    arrivals: dict[Peer, list[float]] = {}
    lists: list[list[str]] = []

    def script(peer: Peer) -> None:
        while True:
            lists.append(peer.accept_symbols())
            arrivals.setdefault(peer, []).append(time.monotonic())

    symbols = [f"S{number}USDT" for number in range(1_030)]
    exchange = feeds.exchange(script)
    ready = feeds.start(exchange, "--symbols", ",".join(symbols)).ready()
    assert ready["symbols"] == symbols
    wait_for(lambda: sum(map(len, lists)) == 1_030 and sum(map(len, arrivals.values())) == 12, "all written down")
    assert len(exchange.peers) == 2
    assert sorted(symbol for each in lists for symbol in each) == sorted(symbols)
    assert max(map(len, lists)) <= 100
    for peer in exchange.peers:
        assert 1 <= len(peer.requests) - 1 <= 11
    assert sorted(map(len, arrivals.values())) == [1, 11]
    for moments in arrivals.values():
        assert max(sum(start <= at < start + 1 for at in moments) for start in moments) <= 5


def test_missing_trade_ids_are_seen_live(feeds: Feeds) -> None:
    frames = [*trades(1, 10), *trades(13, 20), *trades(5, 21), *trades(1, 3, symbol="ETHUSDT")]

    def first(peer: Peer) -> None:
        peer.accept_symbols()
        peer.send(*frames)
        peer.cut()

    feed = feeds.start(feeds.exchange(first, subscribed_then(*trades(25, 30))), "--symbols", "BTCUSDT,ETHUSDT")
    port = feed.ready()["metrics_port"]
    feeds.topic().until(len(frames) + 6)
    found = metrics(port)
    assert found['k2_feed_gaps_total{exchange="binance",symbol="BTCUSDT"}'] == 2
    assert found['k2_feed_gap_trades_total{exchange="binance",symbol="BTCUSDT"}'] == 2 + 3
    assert 'k2_feed_gaps_total{exchange="binance",symbol="ETHUSDT"}' not in found


@pytest.fixture
def stack(tmp_path: Path, k2_stack_name: str) -> Iterator[Stack]:
    with start_stack(k2_stack_name, workdir=tmp_path / "stack") as running:
        running.create_topics([SPOT, PAIRS, DLQ_TOPIC], PARTITIONS)
        yield running


def test_a_broker_that_stands_still_stops_the_reading_and_costs_no_frame(stack: Stack, tmp_path: Path) -> None:
    """56 MB are sent to a handler whose broker is paused: it must hold back the sender, and lose nothing."""
    count, high = 350_000, 20_000
    batches = [b"".join(_framed(frame) for frame in trades(at, at + 999)) for at in range(0, count, 1_000)]
    sent_bytes = [0]
    may_send = Event()

    def script(peer: Peer) -> None:
        peer.accept_symbols()
        may_send.wait(30)
        peer.socket.settimeout(60)
        for batch in batches:
            peer.socket.sendall(batch)
            sent_bytes[0] += len(batch)

    with ExitStack() as undo:
        feeds = Feeds(stack.bootstrap, tmp_path, undo)
        exchange = feeds.exchange(script)
        feed = feeds.start(exchange, queue_high_messages=high, queue_low_messages=5_000, idle_s=0.5, pong_s=4)
        port = feed.ready()["metrics_port"]
        stack.pause("broker")
        may_send.set()
        wait_for(lambda: metrics(port)['k2_feed_paused{exchange="binance"}'] == 1, "reading paused")
        # Longer than a silence may last: that we do not read is not the exchange's silence.
        held_back_at = unchanged_for(5.5, lambda: sent_bytes[0])
        assert held_back_at < sum(map(len, batches)) / 2
        assert metrics(port)['k2_feed_queue_messages{exchange="binance"}'] < high + READ_BYTES / len(spot_trade(1))
        assert psutil.Process(feed.process.pid).memory_info().rss < 200 * 1024 * 1024
        stack.resume("broker")
        assert values(feeds.topic().until(count)) == trades(0, count - 1)
        assert len(exchange.peers) == 1
        found = metrics(port)
        assert found['k2_feed_paused_seconds_total{exchange="binance"}'] > 2
        assert found['k2_feed_paused{exchange="binance"}'] == 0
        assert feed.stop() == 0


def _framed(payload: bytes) -> bytes:
    return b"\x81\x7e" + len(payload).to_bytes(2, "big") + payload


def unchanged_for(seconds: float, value: Callable[[], int], limit_s: float = 20) -> int:
    deadline = time.monotonic() + limit_s
    before, since = value(), time.monotonic()
    while time.monotonic() - since < seconds:
        assert time.monotonic() < deadline, f"it went on changing for {limit_s:g} s"
        time.sleep(0.05)
        if (now := value()) != before:
            before, since = now, time.monotonic()
    return before


def test_a_queue_that_is_full_by_bytes_keeps_the_order_and_every_frame(feeds: Feeds, broker: LocalBroker) -> None:
    frames = trades(1, 20_000)
    may_send = Event()

    def script(peer: Peer) -> None:
        peer.accept_symbols()
        may_send.wait(60)
        # More than the kernel may take while nobody reads: the rest goes when the broker is back.
        peer.socket.settimeout(120)
        peer.send(*frames)
        peer.until_gone()

    feed = feeds.start(feeds.exchange(script), queue_bytes=300_000)
    port = feed.ready()["metrics_port"]
    broker.process.pause()
    may_send.set()
    wait_for(lambda: metrics(port)['k2_feed_paused{exchange="binance"}'] == 1, "reading paused")
    unchanged_for(0.5, lambda: int(metrics(port)['k2_feed_queue_messages{exchange="binance"}']))
    assert metrics(port)['k2_feed_queue_messages{exchange="binance"}'] < 20_000
    broker.process.resume()
    assert values(feeds.topic().until(20_000)) == frames
    assert feed.stop() == 0


def test_a_frame_too_large_for_the_broker_is_given_up_loudly_and_the_rest_goes_on(feeds: Feeds, tmp_path: Path) -> None:
    huge = spot_trade(2)[:-2] + b',"x":"' + b"x" * 3_000 + b'"}}'
    feed = feeds.start(
        feeds.exchange(subscribed_then(spot_trade(1), huge, spot_trade(3))), producer='"message.max.bytes" = 2000'
    )
    port = feed.ready()["metrics_port"]
    assert values(feeds.topic().until(2)) == [spot_trade(1), spot_trade(3)]
    assert metrics(port)['k2_feed_send_failures_total{exchange="binance",reason="MSG_SIZE_TOO_LARGE"}'] == 1
    (line,) = feed.said("frame too large for the broker, given up; raise max.message.bytes of the topic")
    assert line["frame_bytes"] == len(huge)
    assert feed.stop() == 3
    assert "1 frames were larger than the broker at" in feed.stderr


def test_the_longest_frame_that_is_received_fits_into_the_topic(feeds: Feeds) -> None:
    longest = Limits().max_frame_bytes
    frame = spot_trade(2)[:-2] + b',"x":"'
    frame += b"x" * (longest - len(frame) - 3) + b'"}}'
    assert len(frame) == longest
    exchange = feeds.exchange(subscribed_then(spot_trade(1), frame, spot_trade(3)))
    feed = feeds.start(exchange)
    feed.ready()
    assert values(feeds.topic().until(3)) == [spot_trade(1), frame, spot_trade(3)]
    assert feed.stop() == 0


def test_a_frame_longer_than_the_limit_ends_the_connection_with_code_1009(feeds: Feeds) -> None:
    ended = Event()

    def first(peer: Peer) -> None:
        peer.accept_symbols()
        peer.send(spot_trade(1), b"x" * 200_000)
        peer.until_gone()
        assert peer.close_code == 1009
        ended.set()

    feed = feeds.start(feeds.exchange(first, subscribed_then(spot_trade(2))), max_frame_bytes=100_000)
    feed.ready()
    assert values(feeds.topic().until(2)) == trades(1, 2)
    assert ended.wait(60)


@pytest.mark.usefixtures("forgetful_broker")
def test_a_broker_that_comes_back_without_its_data_is_exit_3_and_not_waited_for(
    feeds: Feeds, broker: LocalBroker
) -> None:
    exchange = feeds.exchange(subscribed_then(spot_trade(1)))
    feed = feeds.start(exchange)
    port = feed.ready()["metrics_port"]
    trade = 'k2_feed_frames_total{channel="trade",exchange="binance",kind="trade"}'
    wait_for(lambda: metrics(port).get(trade) == 1, "the first trade received")
    wait_for(lambda: metrics(port)['k2_feed_queue_messages{exchange="binance"}'] == 0, "and acknowledged")
    broker.process.kill()
    exchange.peers[0].send(spot_trade(2))
    broker.launch()
    broker.wait_ready(may_move=False)
    create_topics(broker.bootstrap, [SPOT, PAIRS, DLQ_TOPIC], PARTITIONS)
    assert feed.ended() == 3
    assert "has forgotten this producer" in feed.stderr
    assert feed.said("frames received and not acknowledged by the broker")[0]["frames"] == 1


def test_a_broker_that_does_not_come_back_is_exit_3_with_the_number_of_frames(
    feeds: Feeds, broker: LocalBroker
) -> None:
    exchange = feeds.exchange(subscribed_then(spot_trade(1)))
    feed = feeds.start(exchange, flush_s=1)
    port = feed.ready()["metrics_port"]
    feeds.topic().until(1)
    broker.process.pause()
    exchange.peers[0].send(*trades(2, 6))
    wait_for(lambda: metrics(port)['k2_feed_queue_messages{exchange="binance"}'] == 5, "five frames in the queue")
    assert feed.stop() == 3
    assert "5 frames were received that the broker at" in feed.stderr


def test_a_second_signal_does_not_wait_for_the_broker(feeds: Feeds, broker: LocalBroker) -> None:
    exchange = feeds.exchange(subscribed_then())
    feed = feeds.start(exchange)
    port = feed.ready()["metrics_port"]
    broker.process.pause()
    exchange.peers[0].send(spot_trade(1))
    wait_for(lambda: metrics(port)['k2_feed_queue_messages{exchange="binance"}'] == 1, "a frame in the queue")
    feed.process.terminate()
    exchange.peers[0].until_gone()
    began = time.monotonic()
    assert feed.stop() == 3
    assert time.monotonic() - began < 20, "it waited for the broker"


def test_no_broker_and_a_missing_topic_are_exit_3_and_say_what_to_do(tmp_path: Path, k2_stack_name: str) -> None:
    with ExitStack() as undo:
        running = undo.enter_context(start_stack(k2_stack_name, workdir=tmp_path / "stack"))
        feeds = Feeds(running.bootstrap, tmp_path, undo)
        feed = feeds.start(feeds.exchange(subscribed_then()))
        assert feed.ended() == 3
        assert f"has no topic {SPOT}, {DLQ_TOPIC}; `k2 up` creates them" in feed.stderr


def test_a_port_that_is_taken_for_metrics_is_exit_2(feeds: Feeds) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        feed = feeds.start(feeds.exchange(subscribed_then()), "--metrics-port", str(taken.getsockname()[1]))
        assert feed.ended() == 2
    assert "metrics cannot be served at 127.0.0.1:" in feed.stderr


def test_two_handlers_side_by_side_do_no_harm(stack: Stack, tmp_path: Path) -> None:
    """Each trade comes twice to the topic, once to silver, and counts once in a candle."""
    apply_schema(stack.warehouse, SchemaVariables(kafka_brokers=stack.warehouse_bootstrap, flush_interval_ms=100))
    count = 500
    with ExitStack() as undo:
        feeds = Feeds(stack.bootstrap, tmp_path, undo)
        exchange = feeds.exchange(subscribed_then(*trades(1, count)))
        both = [feeds.start(exchange) for _ in range(2)]
        for feed in both:
            feed.ready()
        messages = feeds.topic().until(2 * count)
        assert sorted(Counter(values(messages)).values()) == [2] * count
        assert len({dict(message.headers() or [])["conn"] for message in messages}) == 2
        with stack.warehouse.client() as client:
            bronze = "SELECT count() FROM bronze_trades_binance FINAL"
            wait_for(lambda: client.query(bronze).result_rows == [(2 * count,)], "every message in bronze")
            silver = "SELECT count(), uniqExact(trade_id) FROM silver_trades FINAL"
            wait_for(lambda: client.query(silver).result_rows == [(count, count)], "every trade once in silver")
            candles = "SELECT sum(trade_count) FROM ohlcv_1m_view"
            wait_for(lambda: client.query(candles).result_rows == [(count,)], "every trade once in a candle")
        assert [feed.stop() for feed in both] == [0, 0]
