"""Which design of gold is fast enough, and which is right.

    python benchmarks/gold.py            # about two minutes; --rows 50000 for a quick look

The same Binance frames, 5 % of them twice, go through the shipped sql/ on the embedded engine, each time with
another gold:

    none         bronze and silver only: the bound that any gold is measured against
    incremental  six AggregatingMergeTree views that add up what is inserted
    recompute    the shipped design: each insert computes the windows it touches anew from the layer below
    refreshable  views that compute the same once a second, for the windows touched since

Printed for each: trades/s with 20,000-row inserts, the median of a 1,000-row insert in ms, the ratio to `none` in the
same run, and whether every candle of all six time frames is exact in every field (or after how many seconds it was).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import chdb
import pyarrow as pa
from clickhouse_migrations.migrator import Migrator
from clickhouse_migrations.substitution import substitute

from k2pipeline.schema import DEFAULT_DIRECTORY, SchemaVariables
from k2pipeline.warehouse.kafka.ddl import rewrite_create

SYMBOLS = [
    "BTCUSDT", "ETHUSDT", "ETHBTC", "SOLUSDT", "BNBUSDT", "XRPUSDT", "ADAUSDT",
    "DOGEUSDT", "LTCUSDT", "DOTUSDT", "TRXUSDT", "SOLBTC",
]  # fmt: skip
START_MS = 1_790_446_152_679
FRAMES: dict[str, str] = {
    "1m": "1 MINUTE",
    "5m": "5 MINUTE",
    "15m": "15 MINUTE",
    "30m": "30 MINUTE",
    "1h": "1 HOUR",
    "1d": "1 DAY",
}

FIELDS = ("open", "high", "low", "close", "volume", "quote_volume", "trade_count")
TIMES = ("open_time", "close_time")

# From the trades themselves, so with each of them once.
TRUTH = """
SELECT exchange, canonical_symbol, toStartOfInterval(timestamp, INTERVAL {interval}, 'UTC') AS window_start,
    argMin(price, (timestamp, source_sequence)) AS open, max(price) AS high, min(price) AS low,
    argMax(price, (timestamp, source_sequence)) AS close,
    sum(toDecimal256(quantity, 18)) AS volume, sum(trades.quote_volume) AS quote_volume, count() AS trade_count,
    min(timestamp) AS open_time, max(timestamp) AS close_time
FROM (SELECT * FROM k2.silver_trades FINAL WHERE is_valid) AS trades
GROUP BY ALL
"""


def wrong_windows(gold: str, interval: str, fields: tuple[str, ...]) -> str:
    """How many windows are not on both sides with the same fields; these as text, which has every digit."""
    values = ", ".join(f"toString({name})" for name in fields)

    def side(query: str) -> str:
        start = "toDateTime(window_start, 'UTC') AS start"
        return f"SELECT exchange, canonical_symbol, {start}, cityHash64({values}) AS fingerprint FROM ({query})"

    return f"""
SELECT count() FROM (
    SELECT exchange, canonical_symbol, start
    FROM ({side(TRUTH.format(interval=interval))} UNION ALL {side(gold)})
    GROUP BY ALL HAVING count() != 2 OR min(fingerprint) != max(fingerprint)
)"""


@dataclass(frozen=True)
class Design:
    """How gold is built, and how candles of a {frame} are read from it, with which fields."""

    name: str
    files: Callable[[str], bool]
    more: tuple[str, ...]
    gold: str
    fields: tuple[str, ...] = FIELDS


def incremental() -> Iterator[str]:
    """Six views that add up inserted blocks: what most published pipelines do."""
    for frame, interval in FRAMES.items():
        window = f"toStartOfInterval(timestamp, INTERVAL {interval}, 'UTC')"
        states = """argMinState(price, (timestamp, source_sequence)) AS open,
            maxState(price) AS high, minState(price) AS low,
            argMaxState(price, (timestamp, source_sequence)) AS close, sumState(toDecimal256(quantity, 18)) AS volume,
            sumState(quote_volume) AS quote_volume, countState() AS trades"""
        yield (
            f"CREATE TABLE k2.added_{frame} ENGINE = AggregatingMergeTree "
            f"ORDER BY (exchange, canonical_symbol, window_start) EMPTY AS "
            f"SELECT exchange, canonical_symbol, {window} AS window_start, {states} FROM k2.silver_trades GROUP BY ALL"
        )
        yield (
            f"CREATE MATERIALIZED VIEW k2.added_{frame}_mv TO k2.added_{frame} AS SELECT exchange, canonical_symbol, "
            f"{window} AS window_start, {states} FROM k2.silver_trades WHERE is_valid GROUP BY ALL"
        )


def refreshable() -> Iterator[str]:
    """Six views computed once a second from all of silver that is younger than a watermark of two days."""
    for frame, interval in FRAMES.items():
        window = f"toStartOfInterval(timestamp, INTERVAL {interval}, 'UTC')"
        yield (
            f"CREATE MATERIALIZED VIEW k2.fresh_{frame}_mv REFRESH EVERY 1 SECOND ENGINE = MergeTree "
            "ORDER BY (exchange, canonical_symbol, window_start) AS "
            f"SELECT exchange, canonical_symbol, {window} AS window_start, "
            "argMin(price, (timestamp, source_sequence)) AS open, max(price) AS high, min(price) AS low, "
            "argMax(price, (timestamp, source_sequence)) AS close, sum(toDecimal256(quantity, 18)) AS volume, "
            "sum(silver_trades_view.quote_volume) AS quote_volume, count() AS trades "
            "FROM k2.silver_trades_view WHERE is_valid AND timestamp >= toDateTime('2026-09-25', 'UTC') GROUP BY ALL"
        )


DESIGNS = (
    Design("none", lambda name: "ohlcv" not in name, (), ""),
    Design(
        "incremental",
        lambda name: "ohlcv" not in name,
        tuple(incremental()),
        "SELECT exchange, canonical_symbol, window_start, argMinMerge(open) AS open, maxMerge(high) AS high, "
        "minMerge(low) AS low, argMaxMerge(close) AS close, sumMerge(volume) AS volume, "
        "sumMerge(quote_volume) AS quote_volume, countMerge(trades) AS trade_count FROM k2.added_{frame} GROUP BY ALL",
    ),
    Design(
        "recompute",
        lambda name: True,  # noqa: ARG005
        (),
        "SELECT * FROM k2.ohlcv_{frame}_view",
        FIELDS + TIMES,
    ),
    Design(
        "refreshable",
        lambda name: "ohlcv" not in name,
        (
            "CREATE VIEW k2.silver_trades_view AS SELECT * FROM k2.silver_trades FINAL",
            *refreshable(),
        ),
        "SELECT *, trades AS trade_count FROM k2.fresh_{frame}_mv",
    ),
)


class Warehouse:
    """The shipped schema with one gold, on an engine of its own."""

    def __init__(self, directory: str, design: Design) -> None:
        self._connection = chdb.connect(directory)
        self.query("CREATE DATABASE k2")
        self.query("USE k2")
        variables = SchemaVariables(kafka_brokers="127.0.0.1:1").as_mapping()
        for path in sorted(DEFAULT_DIRECTORY.glob("*.sql")):
            if design.files(path.name) and "kraken" not in path.name:
                text = substitute(path.read_text(encoding="utf-8"), variables, path.name)
                for statement in Migrator.script_to_statements(text, True):
                    self.query(rewrite_create(statement) or statement)
        for statement in design.more:
            self.query(statement)

    def query(self, sql: str) -> str:
        """Run one statement; the answer as TSV."""
        return str(self._connection.query(sql, "TSV").bytes().decode())

    def insert(self, block: pa.Table) -> float:
        """Insert messages as the Kafka engine does; seconds until every view is done."""
        names = ", ".join(f"`{name}`" for name in block.column_names)
        started = time.perf_counter()
        self.query(
            f"INSERT INTO trades_binance_queue ({names}) SETTINGS insert_allow_materialized_columns = 1, "
            f"insert_null_as_default = 0, max_block_size = {block.num_rows}, max_threads = 1 "
            f"SELECT {names} FROM Python(block)"
        )
        return time.perf_counter() - started

    def close(self) -> None:
        """Close the engine, so that the next design has the machine to itself."""
        self._connection.close()


def blocks(rows: int, size: int, first: int = 0) -> list[pa.Table]:
    """Binance trade frames, 1,000 a second over twelve symbols, one in twenty sent twice."""
    made = []
    for start in range(first, first + rows, size):
        # One number in twenty repeats the one before it.
        numbers = [number - 1 if number % 20 == 19 else number for number in range(start, start + size)]
        made.append(
            pa.table(
                {
                    "message": [frame(number) for number in numbers],
                    "_topic": ["t"] * size,
                    "_key": [""] * size,
                    "_offset": pa.array(range(start, start + size), pa.uint64()),
                    "_partition": pa.array([0] * size, pa.uint64()),
                    "_timestamp": pa.array([START_MS // 1000] * size, pa.timestamp("s")),
                    "_timestamp_ms": pa.array([START_MS] * size, pa.timestamp("ms")),
                    "_headers.name": [["recv_ns"]] * size,
                    "_headers.value": [[str((START_MS + number) * 1_000_000)] for number in numbers],
                }
            )
        )
    return made


def frame(number: int) -> str:
    """One trade; the price and size only have to vary."""
    return (
        f'{{"stream":"x@trade","data":{{"e":"trade","E":{START_MS + number},"s":"{SYMBOLS[number % 12]}","t":{number},'
        f'"p":"{61_000 + number % 97}.63000000","q":"0.{number % 89 + 1:04d}0000",'
        f'"T":{START_MS + number},"m":true,"M":true}}}}'
    )


def measure(design: Design, rows: int) -> tuple[float, float, str]:
    """(trades/s with large inserts, ms of a small insert, exactness of the candles)."""
    with tempfile.TemporaryDirectory() as directory:
        warehouse = Warehouse(directory, design)
        large = [warehouse.insert(block) for block in blocks(rows, 20_000)]
        small = [warehouse.insert(block) for block in blocks(20_000, 1_000, first=rows)]
        exact = exactness(warehouse, design) if design.gold else "-"
        warehouse.close()
    return 20_000 / statistics.median(large), statistics.median(small) * 1000, exact


def exactness(warehouse: Warehouse, design: Design) -> str:
    """yes, no with the number of wrong candles, or how long it took to become so."""
    started, looks = time.monotonic(), 0
    while True:
        waited = time.monotonic() - started
        wrong = sum(
            int(warehouse.query(wrong_windows(design.gold.format(frame=frame), interval, design.fields)))
            for frame, interval in FRAMES.items()
        )
        looks += 1
        if wrong == 0:
            return "yes" if looks == 1 else f"after {waited:.1f} s"
        if design.name != "refreshable" or waited > 30:
            return f"no, {wrong} candles wrong"
        time.sleep(0.1)


def main() -> None:
    """Measure every design and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=300_000, help="trades in 20,000-row inserts, a multiple of 20,000")
    rows = parser.parse_args().rows
    print(f"{'gold':<12} {'trades/s':>10} {'of bound':>9} {'1,000 rows':>11}  exact under 5 % duplicates")
    bound = 0.0
    for design in DESIGNS:
        rate, small_ms, exact = measure(design, rows)
        bound = bound or rate
        print(f"{design.name:<12} {rate:>10,.0f} {rate / bound:>9.2f} {small_ms:>8.0f} ms  {exact}", flush=True)


if __name__ == "__main__":
    main()
