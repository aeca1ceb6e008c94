"""What one scrape of `k2 metrics` costs a warehouse: python benchmarks/exporter.py

5,000,000 rows of silver and bronze, written at 1,100 a second up to now, so that 330,000 of each are recent.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from prometheus_client import CollectorRegistry, generate_latest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from k2pipeline.exporter.scrape import Exporter
from k2pipeline.schema import SchemaVariables, apply_schema
from k2pipeline.stack import start_stack

ROWS = 5_000_000
US_BETWEEN = 909
SCRAPES = 6
SILVER = f"""
INSERT INTO k2.silver_trades (exchange, symbol, canonical_symbol, currency, trade_id, price, quantity, is_valid,
    source_sequence, processed_at, ingestion_timestamp, timestamp)
SELECT 'binance', concat('S', toString(number % 12)) AS symbol, symbol, 'USD', toString(intDiv(number, 12)), 1, 1, true,
    number, now64(6) - toIntervalMicrosecond(number * {US_BETWEEN}) AS done, subtractMilliseconds(done, 40), done
FROM numbers({ROWS})"""
BRONZE = f"""
INSERT INTO k2.bronze_trades_binance (symbol, trade_id, price, quantity, trade_time, received_at, ingested_at,
    _topic, _partition, _offset)
SELECT concat('S', toString(number % 12)), intDiv(number, 12), '1', '1', 1, now64(9),
    now64(6) - toIntervalMicrosecond(number * {US_BETWEEN}), 't', 1, number
FROM numbers({ROWS})"""


def main() -> None:
    with TemporaryDirectory() as directory, start_stack("embedded", workdir=Path(directory)) as stack:
        apply_schema(stack.warehouse, SchemaVariables(kafka_brokers=stack.warehouse_bootstrap))
        with stack.warehouse.client() as client:
            for (view,) in client.query("SELECT name FROM system.tables WHERE engine = 'MaterializedView'").result_rows:
                client.command(f"DROP VIEW k2.{view}")
            client.command(SILVER)
            client.command(BRONZE)
        process = psutil.Process(stack.processes["warehouse"])
        exporter = Exporter(stack.warehouse, "")
        registry = CollectorRegistry()
        registry.register(exporter)
        for number in range(SCRAPES):
            before, began = process.cpu_times(), time.perf_counter()
            size = len(generate_latest(registry))
            after, seconds = process.cpu_times(), time.perf_counter() - began
            spent = after.user + after.system - before.user - before.system
            print(f"scrape {number}: {seconds:.2f} s, {spent:.2f} CPU s of the warehouse, {size:,} bytes")
        exporter.close()


if __name__ == "__main__":
    main()
