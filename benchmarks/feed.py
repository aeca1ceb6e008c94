"""Frames per second of the feed handler, against reading the same frames from the socket and dropping them.

    python benchmarks/feed.py [frames]

One sender plays the same trade frames, as fast as they are read, to each of these in turn:

    library    the websockets library's own recv(), each frame dropped: the bound of a handler built on it
    reader     k2pipeline.feed's connection, each frame dropped: what is left of that bound here
    handler    `k2 feed`, as it ships, until Tansu has acknowledged every frame

each over ws:// and over wss://, as the exchanges are reached. After each run of the handler the topic is read, and
every frame has to be in it once. A rate per CPU second counts all threads of the reading process, librdkafka's among
them: it is what one core carries. Sender and broker have the rest of the machine. The last lines are about memory:
the handler's peak while a broker stands still, and how much it had read by then. The certificate is made by the
openssl command.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from k2pipeline.exchanges import DLQ_TOPIC, EXCHANGES
from k2pipeline.feed.connection import open_connection
from k2pipeline.feed.limits import Limits
from k2pipeline.stack.broker import TansuBroker
from k2pipeline.stack.guard import Guard
from k2pipeline.stack.topics import create_topics

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "BNBUSDT")
ROUNDS = 3
STANDSTILL_S = 3.0
PARTITIONS = 4
QUIET_S = 3.0  # without a message, a topic is read
_ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_DROP = "drop"


def payload(framed: bytes) -> bytes:
    return framed[4:]


def certificate(directory: Path) -> Path:
    """For 127.0.0.1, with its key, in one file."""
    path, key = directory / "exchange.pem", directory / "key.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", *curve, "-keyout", str(key), "-out", str(path), *names]
    subprocess.run(command, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return path


class Took(NamedTuple):
    frames: int
    seconds: float
    cpu_seconds: float


def trade(number: int) -> bytes:
    """A WebSocket frame with one trade of a combined stream."""
    symbol, time_ms = SYMBOLS[number % len(SYMBOLS)], 1_767_225_600_000 + number // 100
    payload = (
        f'{{"stream":"{symbol.lower()}@trade","data":{{"e":"trade","E":{time_ms},"s":"{symbol}",'
        f'"t":{number // len(SYMBOLS)},"p":"{60_000 + number % 977}.{number % 100:02}000000",'
        f'"q":"0.{number % 99_991:08}","T":{time_ms},"m":{"true" if number % 3 else "false"},"M":true}}}}'
    ).encode()
    return b"\x81\x7e" + len(payload).to_bytes(2, "big") + payload


class Sender(threading.Thread):
    """Sends all frames to whoever sends it a message: acknowledges a subscription, closes after what is dropped."""

    def __init__(self, frames: int, pem: Path | None = None) -> None:
        super().__init__(daemon=True)
        self._tls = None
        if pem is not None:
            self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._tls.load_cert_chain(pem)
        self._chunks = [b"".join(map(trade, range(at, min(at + 500, frames)))) for at in range(0, frames, 500)]
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'wss' if pem else 'ws'}://127.0.0.1:{self._socket.getsockname()[1]}"
        self.start()

    def run(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with suppress(OSError), self._wrapped(connection) as wrapped:
                self._serve(wrapped)

    def _wrapped(self, connection: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(connection, server_side=True) if self._tls else connection

    def _serve(self, connection: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(65_536)
        key = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: "))[19:]
        accept = base64.b64encode(hashlib.sha1(key + _ACCEPT_SUFFIX, usedforsecurity=False).digest())
        connection.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        is_dropped = len(connection.recv(65_536)) == 6 + len(_DROP)
        if not is_dropped:
            ack = b'{"result":null,"id":1}'
            connection.sendall(b"\x81" + bytes([len(ack)]) + ack)
        for chunk in self._chunks:
            connection.sendall(chunk)
        if is_dropped:
            connection.sendall(b"\x88\x02\x03\xe8")
        connection.recv(65_536)  # the client's closing


async def library(url: str) -> int:
    frames = 0
    async with connect(url, compression=None, proxy=None, max_queue=1024) as connection:
        await connection.send(_DROP)
        with suppress(ConnectionClosed):
            while True:
                await connection.recv(decode=False)
                frames += 1
    return frames


async def reader(url: str) -> int:
    frames = 0

    def count(messages: list[bytes], _recv_ns: int) -> None:
        nonlocal frames
        frames += len(messages)

    connection = await open_connection(url, Limits(), count, lambda: None)
    await connection.send(_DROP)
    await connection.wait_closed()
    return frames


BOUNDS: dict[str, Callable[[str], Awaitable[int]]] = {"library": library, "reader": reader}


def drop(name: str, url: str) -> Took:
    """In a process of its own, which measures itself around the reading alone."""
    printed = subprocess.run([sys.executable, __file__, name, url], check=True, stdout=subprocess.PIPE).stdout
    return Took(*json.loads(printed))


def drop_here(name: str, url: str) -> Took:
    began, cpu = time.perf_counter(), time.process_time()
    frames = asyncio.run(BOUNDS[name](url))  # type: ignore[arg-type]
    return Took(frames, time.perf_counter() - began, time.process_time() - cpu)


@contextmanager
def broker() -> Iterator[TansuBroker]:
    """Tansu with fresh topics."""
    guard = Guard()
    with tempfile.TemporaryDirectory() as logs:
        tansu = TansuBroker(Path(logs), guard)
        try:
            tansu.launch()
            tansu.wait_ready(may_move=True)
            create_topics(tansu.bootstrap, [EXCHANGES["binance"].topic, DLQ_TOPIC], partitions=PARTITIONS)
            yield tansu
        finally:
            tansu.process.kill()
            guard.close()


def require_all(bootstrap: str, frames: int) -> None:
    """Read the topic: every frame has to be there, once, and nothing else."""
    topic = EXCHANGES["binance"].topic
    settings = {"bootstrap.servers": bootstrap, "group.id": "benchmark", "fetch.wait.max.ms": 100}
    missing = {payload(trade(number)) for number in range(frames)}
    found = 0
    with closing(Consumer(settings)) as consumer:
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(PARTITIONS)])
        while messages := consumer.consume(10_000, QUIET_S):
            found += len(messages)
            missing.difference_update(message.value() for message in messages)
    assert not missing, f"{len(missing):,} of {frames:,} frames are not in the topic"
    assert found == frames, f"{found:,} messages for {frames:,} frames"


class Feed:
    """`k2 feed`, and what it says of itself."""

    def __init__(self, bootstrap: str, url: str) -> None:
        command = ["k2pipeline.cli", "feed", "binance", "--bootstrap", bootstrap, "--url", url]
        more = ["--symbols", ",".join(SYMBOLS), "--metrics-port", "0", "--log-level", "error"]
        self._process = subprocess.Popen([sys.executable, "-m", *command, *more], stdout=subprocess.PIPE)
        self._seen = psutil.Process(self._process.pid)

    def ready(self) -> float:
        """CPU seconds it took to get there."""
        assert self._process.stdout is not None
        self._port = json.loads(self._process.stdout.readline())["metrics_port"]
        return self.cpu_seconds

    @property
    def cpu_seconds(self) -> float:
        times = self._seen.cpu_times()
        return float(times.user + times.system)

    @property
    def peak_bytes(self) -> int:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))

    def metrics(self) -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=5) as answer:
            lines = [line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[0] != "#"]
        return {name.replace('exchange="binance"', "").strip("{},"): float(value) for name, value in lines}

    def received(self) -> int:
        found = self.metrics()
        return int(sum(value for name, value in found.items() if name.startswith("k2_feed_frames") and "trade" in name))

    def stop(self) -> None:
        self._process.terminate()
        assert self._process.wait(60) == 0
        assert self._process.stdout is not None
        self._process.stdout.close()


def handler(sender: Sender, frames: int) -> Took:
    with broker() as tansu:
        feed = Feed(tansu.bootstrap, sender.url)
        cpu = feed.ready()
        began = time.perf_counter()
        while feed.received() < frames or feed.metrics()["k2_feed_queue_messages"]:
            time.sleep(0.02)
        took = Took(frames, time.perf_counter() - began, feed.cpu_seconds - cpu)
        feed.stop()
        require_all(tansu.bootstrap, frames)
    return took


def standstill(sender: Sender, frames: int) -> tuple[int, int, int]:
    """Peak memory before and during a standstill of the broker, in bytes, and frames received in it."""
    with broker() as tansu:
        quiet = Feed(tansu.bootstrap, "ws://127.0.0.1:9")  # nobody answers there, so nothing is received
        time.sleep(1)
        before = quiet.peak_bytes
        quiet.stop()
        feed = Feed(tansu.bootstrap, sender.url)
        feed.ready()
        tansu.process.pause()
        time.sleep(STANDSTILL_S)
        peak, received = feed.peak_bytes, feed.received()
        tansu.process.resume()
        while feed.received() < frames or feed.metrics()["k2_feed_queue_messages"]:
            time.sleep(0.05)
        feed.stop()
        require_all(tansu.bootstrap, frames)
    return before, peak, received


def measured(sender: Sender, frames: int) -> None:
    """Measure each in turn, three times, and print the best of each."""
    kinds: dict[str, Callable[[], Took]] = {
        "library": lambda: drop("library", sender.url),
        "reader": lambda: drop("reader", sender.url),
        "handler": lambda: handler(sender, frames),
    }
    rounds = [{name: measure() for name, measure in kinds.items()} for _ in range(ROUNDS)]
    assert all(took.frames == frames for each in rounds for took in each.values())
    wall = {name: max(frames / each[name].seconds for each in rounds) for name in kinds}
    core = {name: max(frames / each[name].cpu_seconds for each in rounds) for name in kinds}
    scheme = sender.url.partition(":")[0]
    for name in kinds:
        print(
            f"{scheme:3} {name:8} {wall[name]:>9,.0f} frames/s, {core[name]:>9,.0f} per CPU second, "
            f"{core[name] / core['library']:5.0%} of library, {core[name] / core['reader']:4.0%} of reader"
        )


def main(frames: int) -> None:
    """Both schemes, then a standstill of each."""
    with tempfile.TemporaryDirectory() as directory:
        pem = certificate(Path(directory))
        os.environ["SSL_CERT_FILE"] = str(pem)  # what the processes that are started trust
        senders = [Sender(frames), Sender(frames, pem)]
        for sender in senders:
            measured(sender, frames)
        for sender in senders:
            before, peak, received = standstill(sender, frames)
            scheme = sender.url.partition(":")[0]
            print(f"{scheme:3} memory   {before / 2**20:.0f} MiB idle, {peak / 2**20:.0f} MiB at most in a standstill")
            print(f"             {received:,} of {frames:,} frames received by then; all were in the topic afterwards")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(json.dumps(drop_here(sys.argv[1], sys.argv[2])))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000)
