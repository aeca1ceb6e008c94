"""How fast a simulated exchange plays to its clients, against encoding and writing the same frames alone.

    python benchmarks/exchange.py [frames] [clients]

Clients are a process of their own that shakes hands and throws away what comes. The bound encodes each frame for
each client with the same library and writes them 64 at a time; the simulator reads frames, classifies, schedules,
routes, encodes, hands over and records each of them. Rates are per second of the server's own CPU time, so that
other work on the machine does not count.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from multiprocessing.synchronize import Event
from pathlib import Path

from websockets.frames import Frame, Opcode

from harness.captures import CapturedFrame
from harness.exchange.sent import NoRecord, Record, SentLog
from harness.exchange.show import Show, programme
from harness.exchange.source import Source
from harness.pace import Unpaced
from harness.synthetic import synthetic

BATCH = 64
HANDSHAKE = (
    b"GET /stream?streams=%b HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def drop_everything(port: int, clients: int, streams: bytes, over: Event) -> None:
    """Connect, and read into nothing."""

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        writer.write(HANDSHAKE % streams)
        while await reader.read(1 << 20):
            pass
        writer.close()

    async def all_of_them() -> None:
        await asyncio.gather(*(one() for _ in range(clients)), return_exceptions=True)

    asyncio.run(all_of_them())
    over.set()


async def measured(
    port: int, clients: int, streams: bytes, ready: Callable[[], bool], play: Callable[[], Awaitable[None]]
) -> float:
    """CPU seconds of this process for a play to so many clients."""
    context = multiprocessing.get_context("spawn")
    over = context.Event()
    reader = context.Process(target=drop_everything, args=(port, clients, streams, over), daemon=True)
    reader.start()
    while not ready():  # noqa: ASYNC110  # of another process
        await asyncio.sleep(0.05)
    started = time.process_time()
    await play()
    spent = time.process_time() - started
    reader.terminate()
    reader.join()
    return spent


async def bound(frames: list[CapturedFrame], clients: int, streams: bytes) -> float:
    """Frames for each CPU second, encoded and written."""
    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        raw: socket.socket = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 256 * 1024)
        writers.append(writer)

    async def play() -> None:
        for start in range(0, len(frames), BATCH):
            batch = frames[start : start + BATCH]
            for writer in writers:
                writer.write(b"".join([Frame(Opcode.TEXT, each.frame).serialize(mask=False) for each in batch]))
            for writer in writers:
                await writer.drain()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        spent = await measured(port, clients, streams, lambda: len(writers) == clients, play)
        for writer in writers:
            writer.transport.abort()
    return len(frames) / spent


async def simulated(frames: list[CapturedFrame], clients: int, streams: bytes, record: Record) -> float:
    """Frames for each CPU second, played by the simulator."""
    planned = programme(Source(lambda: frames), Unpaced(), [], 1)
    show = Show(planned, record, is_interrupted=lambda: False)
    async with show.server.listening("127.0.0.1", 0) as port:
        ready = lambda: len(show.floor.feeding()) == clients  # noqa: E731
        spent = await measured(port, clients, streams, ready, show.play)
    return len(frames) / spent


def main(count: int, clients: int) -> None:
    """Measure with one client and with several, and print rates and ratios."""
    frames: list[CapturedFrame] = []
    for frame in synthetic(10**15, 1, rates={"binance": 1000}):
        if frame.frame.startswith(b'{"stream"'):
            frames.append(frame)
        if len(frames) == count:
            break
    symbols = {frame.frame[11 : frame.frame.index(b"@")] for frame in frames}
    streams = b"/".join(sorted(symbol + b"@trade" for symbol in symbols))
    for number in (1, clients):
        best = max(asyncio.run(bound(frames, number, streams)) for _ in range(3))
        plain = max(asyncio.run(simulated(frames, number, streams, NoRecord())) for _ in range(3))
        with tempfile.TemporaryDirectory() as directory, SentLog(Path(directory, "sent.parquet")) as sent:
            recorded = asyncio.run(simulated(frames, number, streams, sent))
        print(f"{number} client{'s' if number > 1 else ''}, {len(frames):,} frames, {len(symbols)} streams")
        print(f"  bound      {best:>9,.0f} frames/s per core, encoded and written")
        print(f"  simulator  {plain:>9,.0f} frames/s per core, {plain / best:.0%} of the bound")
        print(f"  recording  {recorded:>9,.0f} frames/s per core, {recorded / best:.0%} of the bound")


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 100_000,
        int(sys.argv[2]) if len(sys.argv) > 2 else 10,
    )
