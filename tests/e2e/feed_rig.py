"""What the tests of feed handler and recorder share: a scripted exchange, and the commands as processes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Message, TopicPartition
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from k2pipeline.exchanges import EXCHANGES
from k2pipeline.stack.topics import topic_partitions
from tests.e2e.rig import wait_for

SPOT, PAIRS = EXCHANGES["binance"].topic, EXCHANGES["kraken"].topic
PARTITIONS = 4
_LIMIT_S = 60.0
_REQUEST = re.compile(r'"(?:id|req_id)": ?(\d+)')


class Gone(Exception):  # noqa: N818  (the client closed: no error, the end of most scripts)
    """The client closed the connection."""


class Peer:
    """The exchange's end of one connection. Nothing happens here by itself, not even a pong."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(_LIMIT_S)
        self.socket = connection
        self._protocol = ServerProtocol()
        self.requests: list[str] = []
        while not self.requests:
            self._pump()

    @property
    def path(self) -> str:
        return self.requests[0]

    def send(self, *frames: bytes) -> None:
        for frame in frames:
            self._protocol.send_text(frame)
        self._flush()

    def ping(self) -> None:
        self._protocol.send_ping(b"are you there")
        self._flush()

    def heard(self) -> str:
        """The next text message of the client; raises Gone. Pings are answered on the way."""
        known = len(self.requests)
        while len(self.requests) == known:
            self._pump()
        return self.requests[known]

    def heard_pong(self) -> None:
        while not self._pump():
            pass

    def accept_symbols(self, refused: dict[str, str] | None = None) -> list[str]:
        """Answer one subscribe message as the exchange would; gives its symbols."""
        message = json.loads(self.heard())
        if message["method"] == "SUBSCRIBE":
            symbols = [stream.removesuffix("@trade").upper() for stream in message["params"]]
            bad = [reason for symbol, reason in (refused or {}).items() if symbol in symbols]
            error = {"error": {"code": 2, "msg": bad[0]}, "id": message["id"]} if bad else None
            self.send(json.dumps(error or {"result": None, "id": message["id"]}).encode())
            return symbols
        for symbol in message["params"]["symbol"]:
            answer = {"method": "subscribe", "success": symbol not in (refused or {}), "req_id": message["req_id"]}
            if answer["success"]:
                answer["result"] = {"channel": "trade", "snapshot": True, "symbol": symbol}
            else:
                answer |= {"error": (refused or {})[symbol], "symbol": symbol}
            self.send(json.dumps(answer).encode())
        return list(message["params"]["symbol"])

    @property
    def close_code(self) -> int | None:
        """With which the client closed."""
        return self._protocol.close_rcvd.code if self._protocol.close_rcvd else None

    def close(self, code: int, reason: str = "") -> None:
        """Close in order, and wait for the client to agree."""
        self._protocol.send_close(code, reason)
        self._flush()
        self.until_gone()

    def until_gone(self) -> None:
        with suppress(Gone, OSError):
            while True:
                self._pump()

    def cut(self) -> None:
        self.socket.close()

    def _pump(self) -> bool:
        """Read once; True if a pong was in it."""
        data = self.socket.recv(65536)
        self._protocol.receive_data(data) if data else self._protocol.receive_eof()
        events = self._protocol.events_received()
        for event in events:
            if isinstance(event, Request):
                self._protocol.send_response(self._protocol.accept(event))
                self.requests.append(event.path)
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self.requests.append(bytes(event.data).decode())
        self._flush()
        if not data or self._protocol.close_rcvd:
            raise Gone
        return any(isinstance(event, Frame) and event.opcode is Opcode.PONG for event in events)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self.socket.sendall(data)
            else:
                self.socket.shutdown(socket.SHUT_WR)


Script = Callable[[Peer], object]


def subscribed_then(*frames: bytes) -> Script:
    """Accept whatever is asked for first, and then send `frames`."""

    def script(peer: Peer) -> None:
        peer.accept_symbols()
        peer.send(*frames)

    return script


class ScriptedExchange:
    """Connection number n runs script n, all further ones the last; after it the client is waited for to close."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self.peers: list[Peer] = []
        self.failures: list[BaseException] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._socket.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> ScriptedExchange:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone would not wake the thread that accepts.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._accepting.join(_LIMIT_S)
        self._socket.close()
        for peer in self.peers:
            with suppress(OSError):
                peer.socket.shutdown(socket.SHUT_RDWR)
            peer.socket.close()
        assert self.failures == []

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            script = self._scripts[min(number, len(self._scripts) - 1)]
            threading.Thread(target=self._run, args=(script, connection), daemon=True).start()
            number += 1

    def _run(self, script: Script, connection: socket.socket) -> None:
        try:
            peer = Peer(connection)
            self.peers.append(peer)
            script(peer)
            peer.until_gone()
        except (Gone, OSError):
            pass
        except BaseException as error:  # noqa: BLE001  (shown by __exit__, where a test sees it)
            self.failures.append(error)
        finally:
            connection.close()


@contextmanager
def simulated(*arguments: str | Path) -> Iterator[str]:
    """The harness's exchange in a process of its own; gives the base of its addresses."""
    command = [sys.executable, "-m", "harness.cli", "exchange", "--port", "0", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield f"ws://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        finally:
            process.kill()


class Command:
    """`k2 feed` or `k2 record` as a process of its own."""

    def __init__(self, *arguments: str, log: Path) -> None:
        self._log = log
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "k2pipeline.cli", *arguments],
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            )

    def ready(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"ended with {self.process.wait(_LIMIT_S)} before it was ready: {self._log.read_text()[-2000:]}"
        ready = json.loads(line)
        assert ready["ready"] is True
        assert ready["pid"] == self.process.pid
        return dict(ready)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(_LIMIT_S)

    def ended(self) -> int:
        return self.process.wait(_LIMIT_S)

    def rest(self) -> str:
        """What it printed after its ready line, once it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.read().decode()

    def events(self) -> list[dict[str, Any]]:
        """Its log so far; the last line may be half written while it runs."""
        lines = self._log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]

    def said(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.events() if line["event"] == event]

    @property
    def stderr(self) -> str:
        return self._log.read_text()


@contextmanager
def command(*arguments: str, log: Path) -> Iterator[Command]:
    """A command that is killed at the end if it still runs."""
    running = Command(*arguments, log=log)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        assert running.process.stdout is not None
        running.process.stdout.close()


class TopicReader:
    """Reads a topic from its beginning, as it fills. Watermarks alone would not do: Tansu's stand behind the last
    batch; and silence alone would not either: a first fetch may take longer than any silence.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "tests", "fetch.wait.max.ms": 100})
        partitions = range(topic_partitions(bootstrap)[topic])
        self._consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        self._found: list[Message] = []

    def __enter__(self) -> TopicReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def now(self) -> list[Message]:
        """What has come so far."""
        self._read(0.05)
        return self._found

    def until(self, count: int) -> list[Message]:
        """Wait for `count` messages, and a little longer for more than that; each partition's are in order."""
        wait_for(lambda: len(self.now()) >= count, f"{count} messages")
        return self.rest()

    def rest(self) -> list[Message]:
        """Everything, once the topic's end has been reached and nothing more has come for a while."""
        wait_for(lambda: not self._read(0.5) and self._is_at_end(), "the end of the topic")
        return self._found

    def _is_at_end(self) -> bool:
        places = self._consumer.position(self._consumer.assignment())
        ends = [self._consumer.get_watermark_offsets(place, timeout=30)[1] for place in places]
        # Before its first message a place is negative.
        return all(max(place.offset, 0) >= end for place, end in zip(places, ends, strict=True))

    def _read(self, timeout_s: float) -> int:
        messages = self._consumer.consume(10_000, timeout=timeout_s)
        assert [message.error() for message in messages if message.error()] == []
        self._found += messages
        return len(messages)


def values(messages: Sequence[Message]) -> list[bytes]:
    return [message.value() or b"" for message in messages]


def metrics(port: int) -> dict[str, float]:
    """Name with labels to value, as Prometheus reads them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def spot_trade(number: int, symbol: str = "BTCUSDT") -> bytes:
    """A trade frame of a combined stream; `number` is its id."""
    return (
        f'{{"stream":"{symbol.lower()}@trade","data":{{"e":"trade","E":{1_767_225_600_000 + number},"s":"{symbol}",'
        f'"t":{number},"p":"{60_000 + number % 977}.01000000","q":"0.00100000","T":{1_767_225_600_000 + number},'
        f'"m":{"true" if number % 2 else "false"},"M":true}}}}'
    ).encode()


def pair_trade(number: int, symbol: str = "BTC/USD", kind: str = "update", count: int = 1) -> bytes:
    """A v2 trade frame with `count` trades from the id `number` on."""
    trades = ",".join(
        f'{{"symbol":"{symbol}","side":"buy","price":{84_000 + each % 97}.10,"qty":0.00012000,"ord_type":"limit",'
        f'"trade_id":{each},"timestamp":"2026-01-01T00:00:{each // 1000 % 60:02}.{each % 1000:03}000Z"}}'
        for each in range(number, number + count)
    )
    return f'{{"channel":"trade","type":"{kind}","data":[{trades}]}}'.encode()


class Feeds:
    """Starts feed handlers on fresh topics, and reads these."""

    def __init__(self, bootstrap: str, directory: Path, undo: ExitStack) -> None:
        self.bootstrap = bootstrap
        self._directory = directory
        self._undo = undo
        self._count = 0

    def exchange(self, *scripts: Script) -> ScriptedExchange:
        return self._undo.enter_context(ScriptedExchange(*scripts))

    def start(
        self,
        exchange: ScriptedExchange | str,
        *more: str,
        name: str = "binance",
        producer: str = "",
        **limits: float,
    ) -> Command:
        """Binance with BTCUSDT, or Kraken with BTC/USD, if `more` says nothing else; `limits` go into its file."""
        url = exchange if isinstance(exchange, str) else exchange.url
        self._count += 1
        config = self._directory / f"feed-{self._count}.toml"
        config.write_text(
            "[limits]\n" + "".join(f"{key} = {value}\n" for key, value in limits.items()) + f"[producer]\n{producer}\n"
        )
        symbols = () if "--symbols" in more else ("--symbols", "BTCUSDT" if name == "binance" else "BTC/USD")
        return self._undo.enter_context(
            command(
                *("feed", name, "--bootstrap", self.bootstrap, "--url", url),
                *("--config", str(config), "--metrics-port", "0", *symbols, *more),
                log=self._directory / f"feed-{self._count}.log",
            )
        )

    def topic(self, name: str = SPOT) -> TopicReader:
        return self._undo.enter_context(TopicReader(self.bootstrap, name))
