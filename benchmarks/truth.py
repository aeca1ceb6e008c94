"""How fast the truth of a ledger is computed, against merely decoding the JSON of the same frames.

    python benchmarks/truth.py [frames]

Both figures are of the same frames in the same run: Binance trades, of which one in fifty is a resend, and Kraken
updates, likewise. The bound has its frames ready in memory and does nothing with what msgspec reads; the truth reads
them from the ledger and ends with every table, from bronze to the candles of seven time frames. The peak is that of the
whole process, the frames in memory included.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
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


def write_ledger(path: Path, exchange: str, frames: list[tuple[str, bytes]]) -> None:
    """A ledger of frames that were all acknowledged, in two partitions."""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", compression_level=1) as writer:
        for first in range(0, len(frames), GROUP_ROWS):
            part = frames[first : first + GROUP_ROWS]
            rows = len(part)
            seq = pa.array(range(first, first + rows), pa.int64())
            recv_ns = pa.array(((START_MS + first + row) * 1_000_000 for row in range(rows)), pa.int64())
            columns = {
                **dict.fromkeys(("recv_ns", "scheduled_ns", "sent_ns", "acked_ns"), recv_ns),
                **dict.fromkeys(("seq", "offset"), seq),
                **{
                    name: pa.array([value] * rows, SCHEMA.field(name).type)
                    for name, value in repeated(exchange).items()
                },
                "symbol": pa.array([symbol for symbol, _ in part]),
                "partition": pa.array([SYMBOLS[exchange].index(symbol) % 2 for symbol, _ in part], pa.int32()),
                "frame": pa.array([frame for _, frame in part], pa.binary()),
            }
            writer.write_table(pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA))


def repeated(exchange: str) -> dict[str, object]:
    """Columns that are the same in all rows."""
    topic = f"market.crypto.trades.{exchange}"
    return {"exchange": exchange, "kind": "trade", "topic": topic, "trades": 1, "faults": [], "owed": True}


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(exchange: str, make: Callable[[int, str, random.Random], bytes], count: int) -> None:
    """Print one line."""
    frames = list(frames_of(exchange, make, count))
    with tempfile.TemporaryDirectory() as directory:
        ledger = Path(directory) / "ledger.parquet"
        write_ledger(ledger, exchange, frames)
        decode = msgspec.json.Decoder().decode
        bound_s = seconds(lambda: [decode(frame) for _, frame in frames].clear())
        frames.clear()
        truth_s = seconds(lambda: compute(ledger))
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{exchange:8} {count:,} frames in {truth_s:.2f} s: {count / truth_s:,.0f} frames/s; "
        f"decoding alone {count / bound_s:,.0f} frames/s, {truth_s / bound_s:.1f} times as fast; peak {peak_mib:,} MiB"
    )


if __name__ == "__main__":
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    measure("binance", binance, asked)
    measure("kraken", kraken, asked // 10)
