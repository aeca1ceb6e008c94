"""A simulated exchange in the test's own event loop, and what clients of it need."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection

from harness.captures import CapturedFrame
from harness.exchange.dialect import Limits
from harness.exchange.sent import NoRecord, Record
from harness.exchange.show import Show, programme
from harness.exchange.source import Source
from harness.faults import parse_fault
from harness.pace import parse_rate

START_NS = 1_790_000_000_000_000_000
SYMBOLS = ("BTCUSDT", "ETHUSDT")
LIMIT_S = 60.0


def binance(count: int, step_ns: int = 1_000_000, symbols: Sequence[str] = SYMBOLS) -> list[CapturedFrame]:
    """Combined trade frames with ids from 1, the symbols in turn."""
    frames = []
    for number in range(count):
        symbol = symbols[number % len(symbols)]
        payload = f'{{"e":"trade","s":"{symbol}","t":{number // len(symbols) + 1},"p":"1.50"}}'
        text = f'{{"stream":"{symbol.lower()}@trade","data":{payload}}}'
        frames.append(CapturedFrame(START_NS + number * step_ns, "binance", text.encode(), number + 1))
    return frames


def kraken(count: int, step_ns: int = 1_000_000, pair: str = "BTC/USD") -> list[CapturedFrame]:
    """v2 updates of one trade each, with ids from 1."""
    return [
        CapturedFrame(
            START_NS + number * step_ns,
            "kraken",
            b'{"channel":"trade","type":"update","data":[{"symbol":"%b","price":84095.70,"trade_id":%d}]}'
            % (pair.encode(), number + 1),
            number + 1,
        )
        for number in range(count)
    ]


def kraken_arrays(count: int, step_ns: int = 1_000_000, pair: str = "XBT/USD") -> list[CapturedFrame]:
    """v1 frames of one trade each."""
    return [
        CapturedFrame(
            START_NS + number * step_ns,
            "kraken",
            b'[337,[["84095.70000","0.1","%d.000001","b","l",""]],"trade","%b"]'
            % (1_618_678_000 + number, pair.encode()),
            number + 1,
        )
        for number in range(count)
    ]


class Exchange:
    """A server, and its play as a task."""

    def __init__(self, show: Show, port: int) -> None:
        self.show = show
        self.port = port
        self.url = f"ws://127.0.0.1:{port}"
        self._playing: asyncio.Task[None] | None = None

    def play(self) -> asyncio.Task[None]:
        """Begin."""
        self._playing = asyncio.create_task(self.show.play())
        return self._playing

    async def end(self) -> None:
        if self._playing is not None:
            self._playing.cancel()
            await asyncio.wait((self._playing,))

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not condition():  # noqa: ASYNC110  # a condition of somebody else's
                await asyncio.sleep(0.01)
        assert condition(), what


@asynccontextmanager
async def exchange(
    frames: Iterable[CapturedFrame],
    *,
    rate: str = "max",
    faults: str = "",
    record: Record | None = None,
    limits: Limits | None = None,
    tls: Path | None = None,
    **options: Any,
) -> AsyncIterator[Exchange]:
    """A simulated exchange for `frames`, which are played when `play` is called."""
    played = list(frames)
    planned = programme(
        Source(lambda: played), parse_rate(rate), [parse_fault(text) for text in faults.split()], 7, limits
    )
    show = Show(planned, record or NoRecord(), is_interrupted=lambda: False, **options)
    context = None
    if tls is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tls)
    async with show.server.listening("127.0.0.1", 0, context) as port:
        serving = Exchange(show, port)
        try:
            yield serving
        finally:
            await serving.end()


async def received(client: ClientConnection, count: int) -> list[bytes]:
    """The next `count` messages."""
    async with asyncio.timeout(LIMIT_S):
        return [await client.recv(decode=False) for _ in range(count)]


async def trades(client: ClientConnection, count: int) -> list[bytes]:
    """The next `count` messages that are trades: no answers, heartbeats or status."""
    found: list[bytes] = []
    async with asyncio.timeout(LIMIT_S):
        while len(found) < count:
            message = await client.recv(decode=False)
            if b'"trade"' in message and b'"method"' not in message and b'"event"' not in message:
                found.append(message)
    return found


async def ask(client: ClientConnection, **request: Any) -> None:
    await client.send(json.dumps(request))


async def subscribe_v2(client: ClientConnection, *symbols: str, **more: Any) -> None:
    await ask(client, method="subscribe", params={"channel": "trade", "symbol": list(symbols), **more})


async def subscribe_v1(client: ClientConnection, *pairs: str) -> None:
    await ask(client, event="subscribe", pair=list(pairs), subscription={"name": "trade"})
