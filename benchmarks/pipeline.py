"""How many trades a second go from topic to gold, each step against the one before it in the same run.

    python -m benchmarks.pipeline            # about two minutes; --trades 100000 for a quick look

One embedded stack, the shipped schema, Binance frames of twelve symbols in four partitions, one in twenty sent twice:

    produce         the frames into the topic, from memory
    consume         out of it again, nothing made of them
    null            through a Kafka table into ENGINE = Null
    bronze, silver  through sql/ without its candles
    gold            through sql/, until the last offset is committed: what is judged. Every 1m candle is then compared
                    with silver
    replayed        the same while the harness replays as fast as it can, ledger included, from the first frame
                    sent to the last committed

Each is also given as a ratio to the one above it, which bounds it, and with the CPU time that the warehouse took.
`python -m benchmarks.budgets` prints this and all other budgets.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psutil
from confluent_kafka import Producer

from benchmarks.gold import FIELDS, FRAMES, START_MS, SYMBOLS, TIMES, frame, wrong_windows
from benchmarks.kafka_engine import consume, through_table, wait_until_committed
from benchmarks.table import Budget, head, said, show
from harness.captures import CapturedFrame
from harness.outbox import PRODUCER_DEFAULTS
from harness.pace import Unpaced
from harness.replay import Times, replay
from k2pipeline.exchanges import EXCHANGES, TOPICS
from k2pipeline.schema import DEFAULT_DIRECTORY, SchemaVariables, apply_schema
from k2pipeline.stack import Stack, start_stack

TOPIC: Final = EXCHANGES["binance"].topic
PARTITIONS: Final = 4
VIEW: Final = "binance_frames_mv"


GOLD: Final = Budget(60_000, 120_000, higher=True)
STARTED: Final = Budget(10, 3)


def number_at(position: int) -> int:
    """The trade sent at a position: one in twenty is the one before it again, in the same partition."""
    return position - len(SYMBOLS) if position % 20 == 19 else position


def symbol_at(number: int) -> str:
    return SYMBOLS[number % len(SYMBOLS)]


def frames(first: int, last: int) -> Iterator[CapturedFrame]:
    """What the harness replays, from one position to another."""
    for number in map(number_at, range(first, last)):
        yield CapturedFrame((START_MS + number) * 1_000_000, "binance", frame(number).encode())


def produce(stack: Stack, trades: int) -> float:
    """Trades per second, from memory into the topic, until the broker has all of them."""
    ready = [(frame(number).encode(), symbol_at(number).encode()) for number in map(number_at, range(trades))]
    headers: list[tuple[str, str | bytes | None]] = [("recv_ns", f"{START_MS}000000"), ("conn", "benchmark")]
    producer = Producer(
        {**PRODUCER_DEFAULTS, "bootstrap.servers": stack.bootstrap, "queue.buffering.max.messages": trades + 1}
    )
    started = time.perf_counter()
    for value, key in ready:
        producer.produce(TOPIC, value, key, headers=headers)
    if producer.flush(120):
        raise SystemExit("the broker did not take the frames in time")
    return trades / (time.perf_counter() - started)


@dataclass(frozen=True, slots=True)
class Rate:
    """Trades per second, and the CPU time of the warehouse's process for each, which a busy machine changes less."""

    per_second: float
    cpu_us: float

    def note(self, bound: float, name: str) -> str:
        return f"{self.per_second / bound:.2f} of {name}, {self.cpu_us:.1f} us CPU"


@contextmanager
def rated(stack: Stack, trades: int) -> Iterator[Callable[[], Rate]]:
    """The rate of what the block does with `trades`; ask for it at its end."""
    process = psutil.Process(stack.processes["warehouse"])

    def cpu_s() -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    before_s, started = cpu_s(), time.perf_counter()
    yield lambda: Rate(trades / (time.perf_counter() - started), (cpu_s() - before_s) / trades * 1e6)


@dataclass(frozen=True, slots=True)
class Schema:
    """sql/ in a database of its own. Its queue does not consume until `resume`."""

    stack: Stack
    database: str
    create_view: str

    @classmethod
    def apply(cls, stack: Stack, database: str, directory: Path) -> Schema:
        """Needs the topics to be empty still: until the view is gone, the queue consumes."""
        address = replace(stack.warehouse, database=database)
        apply_schema(address, SchemaVariables(stack.bootstrap, kafka_group=database), directory)
        with address.client() as client:
            create_view = str(client.command(f"SHOW CREATE TABLE {VIEW} FORMAT TSVRaw"))
            client.command(f"DROP TABLE {VIEW}")
        return cls(stack, database, create_view)

    def resume(self) -> None:
        with self.stack.warehouse.client(database=self.database) as client:
            client.command(self.create_view)

    def wait(self, trades: int) -> None:
        wait_until_committed(self.stack, f"{self.database}-binance", trades, PARTITIONS, TOPIC)

    def rate(self, trades: int) -> Rate:
        """From resuming to the last commit."""
        with rated(self.stack, trades) as rate:
            self.resume()
            self.wait(trades)
            return rate()


@contextmanager
def without_candles(sql: Path) -> Iterator[Path]:
    """sql/ as far as silver."""
    with tempfile.TemporaryDirectory() as directory:
        for path in sql.glob("*.sql"):
            if "ohlcv" not in path.name:
                shutil.copy(path, directory)
        yield Path(directory)


def sustained(trades: int, sql: Path) -> float:
    """Everything that is a rate, and the start, whose seconds it gives."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as workdir, start_stack("embedded", workdir=Path(workdir)) as stack:
        started_s = time.perf_counter() - began
        stack.create_topics(TOPICS, PARTITIONS)
        gold = Schema.apply(stack, "k2", sql)
        up_s = time.perf_counter() - began
        show("stack up, schema applied", up_s, "s", f"{up_s / started_s:.2f} of the stack without schema", STARTED)
        with without_candles(sql) as directory:
            silver = Schema.apply(stack, "silver", directory)
        produced = produce(stack, trades)
        show("produce", produced, "trades/s")
        consumed = consume(stack, trades, PARTITIONS, TOPIC)
        show("consume", consumed, "trades/s", f"{consumed / produced:.2f} of produce")
        with rated(stack, trades) as rate:
            through_table(stack, "Null", trades, PARTITIONS, SchemaVariables("").max_block_size, TOPIC)
            null = rate()
        show("null", null.per_second, "trades/s", null.note(consumed, "consume"))
        bound = silver.rate(trades)
        show("bronze, silver", bound.per_second, "trades/s", bound.note(null.per_second, "null"))
        with stack.warehouse.client(database="default") as client:
            client.command("DROP DATABASE silver")
        reached = gold.rate(trades)
        show("gold", reached.per_second, "trades/s", reached.note(bound.per_second, "bronze, silver"), GOLD)
        replayed = replay_beside(gold, trades, Path(workdir, "ledger.parquet"))
        show("replayed", replayed.per_second, "trades/s", replayed.note(reached.per_second, "gold"), GOLD)
        said(exactness(stack))
    return up_s


def replay_beside(gold: Schema, trades: int, ledger: Path) -> Rate:
    """From the first frame that the harness sends to the last that is committed."""
    with rated(gold.stack, trades) as rate:
        replay(
            frames(trades, 2 * trades),
            bootstrap=gold.stack.bootstrap,
            pace=Unpaced(),
            times=Times.ORIGINAL,
            ledger_path=ledger,
        )
        gold.wait(2 * trades)
        return rate()


def exactness(stack: Stack) -> str:
    """What the comparison of the candles of all six time frames with silver found."""
    with stack.warehouse.client() as client:
        trades = int(client.query("SELECT count() FROM silver_trades FINAL").first_row[0])
        wrong = sum(
            int(client.query(wrong_windows(f"SELECT * FROM ohlcv_{name}_view", interval, FIELDS + TIMES)).first_row[0])
            for name, interval in FRAMES.items()
        )
    return f"of {trades:,} different trades, {wrong} candles are wrong"


def main() -> None:
    """Measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trades", type=int, default=400_000, help="in each way through the pipeline")
    parser.add_argument("--sql", type=Path, default=DEFAULT_DIRECTORY, help="another schema, to compare with")
    options = parser.parse_args()
    head()
    sustained(options.trades, options.sql)


if __name__ == "__main__":
    main()
