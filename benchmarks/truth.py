"""How fast and in how much memory the truth of a ledger is computed, against merely decoding the JSON of its frames.

    python -m benchmarks.truth [frames]      # 1,000,000 of Binance and a tenth of it of Kraken

Both figures are of the same frames in the same run: Binance trades, of which one in fifty is a resend, and Kraken
updates, likewise. The bound decodes frames that are ready in memory and does nothing with them; the truth reads them
from the ledger, in a process of its own, and ends with every table, from bronze to the candles of seven time frames.
CPU is of all its threads, the peak its resident memory, what Python and polars take when nothing is computed included.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from harness.ledger import GROUP_ROWS, SCHEMA
from harness.truth import compute

START_MS: Final = 1_767_225_600_000
SYMBOLS: Final = {"binance": ("BTCUSDT", "ETHUSDT", "SOLUSDT", "ETHBTC", "DOGEUSDT"), "kraken": ("BTC/USD", "ETH/EUR")}


def binance(number: int, symbol: str, chance: random.Random) -> bytes:
    """One combined frame, a millisecond after the one before."""
    time_ms = START_MS + number
    price, size = f"{chance.randrange(1, 90_000)}.{chance.randrange(10**8):08}", f"0.{chance.randrange(1, 10**8):08}"
    return (
        f'{{"stream":"{symbol.lower()}@trade","data":{{"e":"trade","E":{time_ms},"s":"{symbol}","t":{number},"p":"{price}",'
        f'"q":"{size}","T":{time_ms},"m":{"true" if number % 3 else "false"},"M":true}}}}'
    ).encode()


def kraken(number: int, symbol: str, chance: random.Random) -> bytes:
    """One update of one trade, within one minute."""
    return (
        f'{{"channel":"trade","type":"update","data":[{{"symbol":"{symbol}","side":"sell","price":{chance.randrange(10**6)}.50,'
        f'"qty":0.{chance.randrange(1, 10**8):08},"ord_type":"limit","trade_id":{number},'
        f'"timestamp":"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}.{number % 10**6:06}Z"}}]}}'
    ).encode()


def frames_of(
    exchange: str, make: Callable[[int, str, random.Random], bytes], count: int
) -> Iterator[tuple[str, bytes]]:
    """Symbols and frames."""
    chance = random.Random(7)  # noqa: S311  # the same frames every time
    previous = ("", b"")
    for number in range(count):
        if number % 50 == 49:
            yield previous
            continue
        symbol = chance.choice(SYMBOLS[exchange])
        previous = (symbol, make(number, symbol, chance))
        yield previous


def write_ledger(path: Path, exchange: str, frames: Iterable[tuple[str, bytes]]) -> float:
    """A ledger of frames that were all acknowledged, in two partitions. Seconds to decode their JSON, and no more."""
    decode, bound_s, first = msgspec.json.Decoder().decode, 0.0, 0
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", compression_level=1) as writer:
        for part in batched(frames, GROUP_ROWS):
            started = time.perf_counter()
            for _, frame in part:
                decode(frame)
            bound_s += time.perf_counter() - started
            writer.write_table(pa.table(_columns(exchange, first, part), schema=SCHEMA))
            first += len(part)
    return bound_s


def batched(frames: Iterable[tuple[str, bytes]], size: int) -> Iterator[list[tuple[str, bytes]]]:
    """Lists of so many, the last one shorter."""
    rest = iter(frames)
    while part := list(islice(rest, size)):
        yield part


def _columns(exchange: str, first: int, part: list[tuple[str, bytes]]) -> dict[str, pa.Array]:
    rows = len(part)
    seq = pa.array(range(first, first + rows), pa.int64())
    recv_ns = pa.array(((START_MS + first + row) * 1_000_000 for row in range(rows)), pa.int64())
    columns = {
        **dict.fromkeys(("recv_ns", "scheduled_ns", "sent_ns", "acked_ns"), recv_ns),
        **dict.fromkeys(("seq", "offset"), seq),
        **{name: pa.array([value] * rows, SCHEMA.field(name).type) for name, value in repeated(exchange).items()},
        "symbol": pa.array([symbol for symbol, _ in part]),
        "partition": pa.array([SYMBOLS[exchange].index(symbol) % 2 for symbol, _ in part], pa.int32()),
        "frame": pa.array([frame for _, frame in part], pa.binary()),
    }
    return {name: columns[name] for name in SCHEMA.names}


def repeated(exchange: str) -> dict[str, object]:
    """Columns that are the same in all rows."""
    topic = f"market.crypto.trades.{exchange}"
    return {"exchange": exchange, "kind": "trade", "topic": topic, "trades": 1, "faults": [], "owed": True}


@dataclass(frozen=True, slots=True)
class Cost:
    """Of computing one truth; peak_mib is resident memory of the process."""

    seconds: float
    cpu_s: float
    peak_mib: int
    trades: int


def cost(ledger: Path) -> Cost:
    """Compute it in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_compute, ledger).result()


def _compute(ledger: Path) -> Cost:
    started, cpu_s = time.perf_counter(), time.process_time()
    truth = compute(ledger)
    took_s, spent_s = time.perf_counter() - started, time.process_time() - cpu_s
    return Cost(took_s, spent_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, truth.distinct_trades)


def measure(exchange: str, make: Callable[[int, str, random.Random], bytes], count: int) -> None:
    """Print one line."""
    with tempfile.TemporaryDirectory() as directory:
        ledger = Path(directory) / "ledger.parquet"
        bound_s = write_ledger(ledger, exchange, frames_of(exchange, make, count))
        found = cost(ledger)
    print(
        f"{exchange:8} {count:,} frames in {found.seconds:.2f} s, {found.cpu_s:.2f} s CPU: "
        f"{count / found.seconds:,.0f} frames/s; decoding alone {count / bound_s:,.0f} frames/s, "
        f"{found.seconds / bound_s:.1f} times as fast; peak {found.peak_mib:,} MiB, {found.trades:,} different trades",
        flush=True,
    )


if __name__ == "__main__":
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    measure("binance", binance, asked)
    measure("kraken", kraken, asked // 10)
