"""The simulated exchange over real sockets, with the ordinary `websockets` client."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus

from harness.captures import CapturedFrame
from harness.exchange.dialect import Limits
from harness.exchange.player import PlayError
from harness.exchange.sent import SentLog
from tests.integration.exchange_lab import (
    LIMIT_S,
    Exchange,
    ask,
    binance,
    exchange,
    kraken,
    kraken_arrays,
    received,
    subscribe_v1,
    subscribe_v2,
    trades,
)

SILENCE_S = 3.0  # long, because whoever hangs up too early on a busy machine misses frames by its own fault


def texts(frames: list[CapturedFrame], symbol: str = "") -> list[bytes]:
    return [frame.frame for frame in frames if symbol.encode() in frame.frame]


def payloads(frames: list[CapturedFrame], symbol: str = "") -> list[bytes]:
    return [text.partition(b'"data":')[2][:-1] for text in texts(frames, symbol)]


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 5 * LIMIT_S))


def test_every_client_gets_its_streams_byte_for_byte_in_its_own_wrapping() -> None:
    spot, v2, v1 = binance(400), kraken(100), kraken_arrays(100)

    async def test() -> None:
        async with (
            exchange(sorted(spot + v2 + v1, key=lambda frame: frame.recv_ns)) as serving,
            connect(f"{serving.url}/stream?streams=btcusdt@trade/ethusdt@trade") as combined,
            connect(f"{serving.url}/ws/ethusdt@trade") as raw,
            connect(f"{serving.url}/ws") as asking,
            connect(f"{serving.url}/v2") as objects,
            connect(serving.url) as arrays,
        ):
            await ask(asking, method="SUBSCRIBE", params=["btcusdt@trade"], id=1)
            assert await received(asking, 1) == [b'{"result":null,"id":1}']
            await subscribe_v2(objects, "BTC/USD")
            assert [json.loads(text).get("channel", "ack") for text in await received(objects, 2)] == ["status", "ack"]
            await subscribe_v1(arrays, "XBT/USD")
            assert [json.loads(text)["event"] for text in await received(arrays, 2)] == [
                "systemStatus",
                "subscriptionStatus",
            ]
            serving.play()
            assert await received(combined, 400) == texts(spot)
            assert await received(raw, 200) == payloads(spot, "ETHUSDT")
            assert await received(asking, 200) == payloads(spot, "BTCUSDT")
            assert await trades(objects, 100) == texts(v2)
            assert await trades(arrays, 100) == texts(v1)

    run(test)


def test_a_hundred_clients_get_the_same() -> None:
    spot = binance(300)

    async def test() -> None:
        async with exchange(spot) as serving:
            clients = [await connect(f"{serving.url}/stream?streams=btcusdt@trade") for _ in range(100)]
            await serving.until(lambda: len(serving.show.floor.feeding()) == 100, "all are subscribed")
            serving.play()
            for client in clients:
                assert await received(client, 150) == texts(spot, "BTCUSDT")
                await client.close()

    run(test)


def test_who_comes_late_to_kraken_gets_the_last_50_trades_first() -> None:
    frames = kraken(120)

    async def test() -> None:
        async with exchange(frames) as serving, connect(f"{serving.url}/v2") as client:
            await serving.play()
            await subscribe_v2(client, "BTC/USD", snapshot=True)
            (snapshot,) = await trades(client, 1)
            bodies = [text[text.index(b"[") + 1 : -2] for text in texts(frames)]
            assert snapshot == b'{"channel":"trade","type":"snapshot","data":[' + b",".join(bodies[-50:]) + b"]}"

    run(test)


def test_unsubscribed_streams_are_silent() -> None:
    spot = binance(10)

    async def test() -> None:
        async with exchange(spot) as serving, connect(f"{serving.url}/stream") as client:
            await ask(client, method="SUBSCRIBE", params=["btcusdt@trade", "ethusdt@trade"], id=1)
            await ask(client, method="UNSUBSCRIBE", params=["btcusdt@trade"], id=2)
            assert await received(client, 2) == [b'{"result":null,"id":1}', b'{"result":null,"id":2}']
            serving.play()
            assert await received(client, 5) == texts(spot, "ETHUSDT")

    run(test)


@pytest.mark.parametrize(
    ("path", "status"), [("/nowhere", 404), ("/ws/btcusdt@trade?timeUnit=HOUR", 400), ("/v3", 404)]
)
def test_a_path_that_is_none_is_refused_by_http(path: str, status: int) -> None:
    async def test() -> None:
        async with exchange(binance(1)) as serving:
            with pytest.raises(InvalidStatus) as refused:
                await connect(serving.url + path)
            assert refused.value.response.status_code == status

    run(test)


def test_too_many_connections_are_refused_by_http() -> None:
    async def test() -> None:
        async with exchange(binance(1), limits=Limits(attempts_per_5_min=2)) as serving:
            for _ in range(2):
                await (await connect(f"{serving.url}/ws")).close()
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"{serving.url}/ws")
            assert refused.value.response.status_code == 429

    run(test)


@pytest.mark.parametrize(
    ("limits", "code", "reason"),
    [
        (Limits(lifetime_s=2), 1001, "connection lifetime is over"),
        (Limits(messages_per_s=0), 1008, "Too many requests"),
    ],
    ids=["24 hours", "rate"],
)
def test_a_connection_beyond_its_limits_is_closed_with_a_code(limits: Limits, code: int, reason: str) -> None:
    async def test() -> None:
        async with exchange(binance(1), limits=limits) as serving, connect(f"{serving.url}/ws") as client:
            await ask(client, method="LIST_SUBSCRIPTIONS", id=1)
            with pytest.raises(ConnectionClosed) as closed:
                await received(client, 2)
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, reason)

    run(test)


@pytest.mark.parametrize(("message", "code"), [(b"\x00\x01", 1003), ("x" * 100_000, 1009)], ids=["binary", "too large"])
def test_messages_that_no_client_sends_end_the_connection(message: bytes | str, code: int) -> None:
    async def test() -> None:
        async with exchange(binance(1)) as serving, connect(f"{serving.url}/ws") as client:
            await client.send(message)
            with pytest.raises(ConnectionClosed) as closed:
                await received(client, 1)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == code

    run(test)


def test_pings_are_answered_by_an_ordinary_client_and_missed_from_a_mute_one() -> None:
    async def test() -> None:
        limits = Limits(ping_every_s=0.1, pong_within_s=0.4, messages_per_s=1000)
        async with exchange(binance(1), limits=limits) as serving, connect(f"{serving.url}/ws") as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
            writer.write(
                b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            said = await asyncio.wait_for(reader.readuntil(b"Pong timeout"), LIMIT_S)
            assert b"\x89" in said
            writer.close()
            await ask(client, method="LIST_SUBSCRIPTIONS", id=1)
            assert await received(client, 1) == [b'{"result":[],"id":1}']

    run(test)


def test_kraken_sends_heartbeats_while_nothing_happens() -> None:
    async def test() -> None:
        limits = Limits(heartbeat_s=0.1)
        async with (
            exchange(kraken(1) + kraken_arrays(1), limits=limits) as serving,
            connect(f"{serving.url}/v2") as objects,
            connect(serving.url) as arrays,
        ):
            await subscribe_v2(objects, "BTC/USD")
            assert (await received(objects, 4))[2:] == [b'{"channel":"heartbeat"}'] * 2
            assert (await received(arrays, 3))[1:] == [b'{"event":"heartbeat"}'] * 2

    run(test)


def test_a_rate_is_held_by_the_schedule(tmp_path: Path) -> None:
    async def test() -> None:
        path = "/stream?streams=btcusdt@trade/ethusdt@trade"
        with SentLog(tmp_path / "sent.parquet") as sent:
            async with (
                exchange(binance(1000), rate="2000", record=sent) as serving,
                connect(serving.url + path) as client,
            ):
                playing = serving.play()
                await received(client, 1000)
                await playing
                stats = serving.show.stats(Path())
        assert (stats.frames_sent, stats.trades_sent, stats.frames_read) == (1000, 1000, 1000)
        rows = pq.read_table(tmp_path / "sent.parquet").to_pylist()
        assert {after["scheduled_ns"] - before["scheduled_ns"] for before, after in pairwise(rows)} == {500_000}
        # How late it is depends on the machine; early it never is.
        assert all(row["sent_ns"] >= row["scheduled_ns"] for row in rows)

    run(test)


async def keep_reading(url: str, missing: set[bytes], lives: list[list[bytes]]) -> None:
    """Read, and connect again whenever the connection ends or falls silent, until cancelled."""
    while True:
        lives.append([])
        try:
            async with connect(url, close_timeout=0.1) as client:
                while True:
                    lives[-1].append(await asyncio.wait_for(client.recv(decode=False), SILENCE_S))
                    missing.discard(lives[-1][-1])
        except (ConnectionClosed, TimeoutError):
            continue


@pytest.mark.parametrize("fault", ["disconnect=6", "close=6", "half_open=2 disconnect=2"])
def test_who_comes_back_after_a_cut_misses_nothing_and_gets_it_in_order(fault: str) -> None:
    spot = binance(4000, symbols=("BTCUSDT",))
    missing = set(texts(spot))

    async def test() -> None:
        lives: list[list[bytes]] = []
        async with exchange(spot, rate="4000", faults=fault) as serving:
            url = f"{serving.url}/stream?streams=btcusdt@trade"
            reading = asyncio.create_task(keep_reading(url, missing, lives))
            await serving.until(lambda: bool(serving.show.floor.feeding()), "subscribed")
            # It reads on when it has all: a fault that is still due strikes only a client that is there.
            await asyncio.wait_for(serving.play(), LIMIT_S)
            await serving.until(lambda: not missing, "everything read")
            reading.cancel()
            serving.show.check_effect()
        assert len(lives) >= 4
        ids = {text: number for number, text in enumerate(texts(spot))}
        for life in lives:
            numbers = [ids[text] for text in life if text in ids]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True

    run(test)


def test_a_cut_is_a_reset_without_a_close_frame_and_leaves_a_doubt(tmp_path: Path) -> None:
    spot = binance(200, symbols=("BTCUSDT",))

    async def test() -> None:
        with SentLog(tmp_path / "sent.parquet") as sent:
            async with exchange(spot, rate="1000", faults="hole=1", record=sent) as serving:
                client = await connect(f"{serving.url}/ws/btcusdt@trade")
                serving.play()
                with pytest.raises(ConnectionClosedError) as closed:
                    await received(client, 200)
                assert closed.value.rcvd is None
                await serving.until(lambda: sent.rows == 200, "all is recorded")
        rows = pq.read_table(tmp_path / "sent.parquet").to_pylist()
        handed = [row for row in rows if row["conn"] == 1]
        assert 0 < len(handed) < 200
        assert [row["place"] for row in handed] == list(range(len(handed)))
        assert all(row["unheard"] and not row["owed"] and row["faults"] == ["hole"] for row in rows[len(handed) :])
        assert sent.doubts[1].ending.name == "hole"
        assert sent.doubts[1].place <= len(handed)

    run(test)


def test_a_half_open_connection_says_nothing_and_answers_nothing() -> None:
    spot = binance(400, symbols=("BTCUSDT",))

    async def test() -> None:
        async with exchange(spot, rate="2000", faults="half_open=1") as serving:
            async with connect(f"{serving.url}/ws/btcusdt@trade", close_timeout=0.1) as client:
                serving.play()
                await serving.until(lambda: not serving.show.floor.feeding(), "silent")
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await received(client, 401)
                pong = await client.ping()
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(pong, 0.3)
                assert not client.close_code
            async with connect(f"{serving.url}/stream?streams=btcusdt@trade", close_timeout=0.1) as back:
                assert (await received(back, 1))[0] in texts(spot)

    run(test)


def test_a_stall_delays_and_loses_nothing() -> None:
    spot = binance(500, symbols=("BTCUSDT",))

    async def test() -> None:
        async with (
            exchange(spot, rate="2000", faults="stall=2") as serving,
            connect(f"{serving.url}/stream?streams=btcusdt@trade") as client,
        ):
            playing = serving.play()
            assert await received(client, 500) == texts(spot)
            await playing
            serving.show.check_effect()

    run(test)


def test_garbage_comes_between_the_frames_and_is_no_json() -> None:
    spot = binance(300, symbols=("BTCUSDT",))

    async def test() -> None:
        async with (
            exchange(spot, faults="garbage=5") as serving,
            connect(f"{serving.url}/stream?streams=btcusdt@trade") as client,
        ):
            serving.play()
            got = await received(client, 305)
            assert [text for text in got if text in set(texts(spot))] == texts(spot)
            garbage = set(got) - set(texts(spot))
            assert len(garbage) == 5
            for text in garbage:
                with pytest.raises(json.JSONDecodeError):
                    json.loads(text)

    run(test)


def test_a_resend_repeats_the_last_frames() -> None:
    spot = binance(2000, symbols=("BTCUSDT",))

    async def test() -> None:
        async with (
            exchange(spot, faults="resend=1") as serving,
            connect(f"{serving.url}/stream?streams=btcusdt@trade") as client,
        ):
            serving.play()
            got = await received(client, 2050)
            twice = [text for text, times in Counter(got).items() if times == 2]
            assert len(twice) == 50
            first = got.index(twice[0])
            assert got[first : first + 100] == twice * 2
            assert list(dict.fromkeys(got)) == texts(spot)

    run(test)


class Sleeper:
    """A client that subscribes and never reads."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.setblocking(False)
        self._port = port

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self._socket, ("127.0.0.1", self._port))
        await loop.sock_sendall(
            self._socket,
            b"GET /ws/btcusdt@trade HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )

    async def wake(self) -> int:
        """Read all there is; gives how many bytes."""
        loop, count = asyncio.get_running_loop(), 0
        try:
            while chunk := await asyncio.wait_for(loop.sock_recv(self._socket, 1 << 20), 0.5):
                count += len(chunk)
        except (TimeoutError, ConnectionError):
            pass
        return count

    def close(self) -> None:
        self._socket.close()


@asynccontextmanager
async def sleeping(serving: Exchange) -> AsyncIterator[Sleeper]:
    sleeper = Sleeper(serving.port)
    try:
        await sleeper.connect()
        yield sleeper
    finally:
        sleeper.close()


def large(count: int) -> list[CapturedFrame]:
    """Frames of 10 kB, so that few of them fill every buffer on the way."""
    padding = "x" * 10_000
    return [
        CapturedFrame(
            START,
            "binance",
            f'{{"stream":"btcusdt@trade","data":{{"e":"trade","s":"BTCUSDT","t":{number},"x":"{padding}"}}}}'.encode(),
        )
        for number, START in enumerate(range(1, count + 1))
    ]


def test_a_client_that_does_not_read_is_dropped_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = large(500)
    # A player that is late sends a batch at once: less than a client reads in one turn, or the reading one is slow too.
    monkeypatch.setattr("harness.exchange.player._BATCH", 8)

    async def test() -> None:
        async with (
            exchange(frames, rate="1000", drops_slow=True, buffer_bytes=1_000_000) as serving,
            sleeping(serving) as sleeper,
            connect(f"{serving.url}/stream?streams=btcusdt@trade", max_queue=None) as client,
        ):
            await serving.until(lambda: len(serving.show.floor.feeding()) == 2, "both are subscribed")
            serving.play()
            assert await received(client, 500) == texts(frames)
            assert len(serving.show.floor.feeding()) == 1
            assert await sleeper.wake() < 2_500_000

    run(test)


def test_a_client_that_does_not_read_is_waited_for_where_nothing_may_be_lost() -> None:
    frames = large(2000)

    async def test() -> None:
        async with exchange(frames, buffer_bytes=100_000) as serving, sleeping(serving) as sleeper:
            await serving.until(lambda: len(serving.show.floor.feeding()) == 1, "subscribed")
            playing = serving.play()
            await serving.until(lambda: serving.show.floor.is_full, "it waits")
            await asyncio.sleep(0.2)
            assert not playing.done()
            assert serving.show.stats(Path()).frames_sent < 2000
            assert await sleeper.wake() > 1_000_000
            while not playing.done():
                await sleeper.wake()
            assert serving.show.stats(Path()).frames_sent == 2000

    run(test)


def test_a_client_that_never_wakes_ends_the_play_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.exchange.player._ROOM_LIMIT_S", 0.3)

    async def test() -> None:
        async with exchange(large(2000), buffer_bytes=100_000) as serving, sleeping(serving):
            await serving.until(lambda: len(serving.show.floor.feeding()) == 1, "subscribed")
            with pytest.raises(PlayError, match="neither read nor come back"):
                await serving.play()

    run(test)


def test_frames_of_other_streams_and_of_no_stream_go_to_whoever_asked() -> None:
    book = CapturedFrame(
        1, "binance", b'{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}}'
    )
    odd = CapturedFrame(2, "binance", b'{"mystery":1}')
    spot = binance(4, symbols=("BTCUSDT",))

    async def test() -> None:
        async with (
            exchange([book, odd, *spot]) as serving,
            connect(f"{serving.url}/stream?streams=btcusdt@trade") as trading,
            connect(f"{serving.url}/ws/btcusdt@bookTicker") as watching,
        ):
            await serving.until(lambda: len(serving.show.floor.feeding()) == 2, "both are subscribed")
            serving.play()
            assert await received(trading, 5) == [odd.frame, *texts(spot)]
            assert await received(watching, 2) == [book.frame.partition(b'"data":')[2][:-1], odd.frame]

    run(test)
