"""What all standing checks cost on a million silver trades, against one full scan of silver in the same run.

    python benchmarks/suites.py [--trades 1000000] [--json]

A healthy tape of twelve Binance and two Kraken symbols, a hundred trades a second, is made inside the warehouse and
goes through the shipped sql/ in blocks of 20,000. Then the standing suites run, as at night, and silver is read once:
every column of every row, with FINAL. Printed are the seconds of each suite, how many queries were asked, and how many
rows left the warehouse: a check takes counts home, never trades.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import Engine

from harness.checks import CheckResult, run_checks
from k2pipeline.exchanges import EXCHANGES
from k2pipeline.schema import DEFAULT_DIRECTORY, SchemaVariables, apply_schema
from k2pipeline.stack import Stack, start_stack

BLOCK: Final = 20_000
KRAKEN_SHARE: Final = 11  # one trade in so many
START_MS: Final = 1_767_225_600_000
SYMBOLS: Final = {
    "binance": ["BTC", "ETH", "SOL", "BNB", "XRP", "ADA", "DOGE", "LTC", "DOT", "TRX", "LINK", "AVAX"],
    "kraken": ["BTC", "ETH"],
}
FRAMES: Final = {
    "binance": """concat('{"e":"trade","E":', toString(ms), ',"s":"', base, 'USDT","t":', toString(id), ',"p":"', price,
        '","q":"0.0', toString(number % 89 + 10), '","T":', toString(ms), ',"m":', if(number % 3 = 0, 'true', 'false'),
        ',"M":true}')""",
    "kraken": """concat('{"channel":"trade","type":"update","data":[{"symbol":"', base, '/USDT","side":"',
        if(number % 3 = 0, 'sell', 'buy'), '","price":', price, ',"qty":0.0', toString(number % 89 + 10),
        ',"ord_type":"limit","trade_id":', toString(id), ',"timestamp":"',
        formatDateTime(fromUnixTimestamp64Milli(ms, 'UTC'), '%Y-%m-%dT%H:%i:%S.%fZ'), '"}]}')""",
}
SCAN: Final = "SELECT count(), groupBitXor(cityHash64(tuple(*))) FROM k2.silver_trades FINAL"


def block(exchange: str, first: int, count: int) -> str:
    """An insert into an exchange's queue, as its Kafka engine makes one: so many trades from a number on."""
    bases = SYMBOLS[exchange]
    every_ms = 10 if exchange == "binance" else 10 * (KRAKEN_SHARE - 1)
    return f"""
INSERT INTO k2.trades_{exchange}_queue
    (message, _topic, _key, _partition, _offset, _timestamp, _timestamp_ms, `_headers.name`, `_headers.value`)
SETTINGS insert_allow_materialized_columns = 1, max_block_size = {count}, max_threads = 1
WITH
    toInt64({START_MS} + number * {every_ms}) AS ms,
    number % {len(bases)} AS place, intDiv(number, {len(bases)}) + 1 AS id, {bases}[place + 1] AS base,
    concat(toString(90000 - 7000 * place + toInt32(500 * sin(ms / 600000))), '.5') AS price
SELECT {FRAMES[exchange]}, '{EXCHANGES[exchange].topic}', base, 0, number, toDateTime(intDiv(ms, 1000), 'UTC'),
    fromUnixTimestamp64Milli(ms, 'UTC'), ['recv_ns'], [toString(ms * 1000000 + 5000000)]
FROM numbers({first}, {count})"""


def fill(client: Any, trades: int) -> float:
    """Seconds to bring so many trades to gold."""
    started = time.perf_counter()
    shares = {"kraken": trades // KRAKEN_SHARE, "binance": trades - trades // KRAKEN_SHARE}
    for exchange, share in shares.items():
        for first in range(0, share, BLOCK):
            client.command(block(exchange, first, min(BLOCK, share - first)))
    return time.perf_counter() - started


def seconds_of_scan(client: Any) -> float:
    """The quickest of three."""
    found = []
    for _ in range(3):
        started = time.perf_counter()
        client.query(SCAN)
        found.append(time.perf_counter() - started)
    return min(found)


def measure(stack: Stack, trades: int) -> dict[str, Any]:
    """All figures."""
    apply_schema(stack.warehouse, SchemaVariables(kafka_brokers=stack.bootstrap), DEFAULT_DIRECTORY)
    with stack.warehouse.client() as client:
        fill_s = fill(client, trades)
        silver = int(client.query("SELECT count() FROM k2.silver_trades FINAL").first_row[0])
        run_checks(stack.warehouse, suites_named=["dead_letters"], kinds=["standing"])  # Great Expectations is imported
        asked: list[int] = []
        event.listen(Engine, "after_cursor_execute", lambda *args: asked.append(args[1].rowcount))
        started = time.perf_counter()
        checks = run_checks(stack.warehouse, kinds=["standing"])
        suites_s = time.perf_counter() - started
        scan_s = seconds_of_scan(client)
    by_suite: Counter[str] = Counter()
    for check in checks:
        by_suite[check.suite] += check.seconds
    return {
        "silver_trades": silver,
        "fill_s": round(fill_s, 1),
        "checks": len(checks),
        "not_holding": [_said(check) for check in checks if not check.success],
        "suites_s": round(suites_s, 2),
        "queries": len(asked),
        "rows_fetched": sum(asked),
        "most_rows_of_a_query": max(asked),
        "by_suite_s": {name: round(took, 2) for name, took in by_suite.most_common()},
        "slowest_s": {
            f"{check.suite}.{check.name}": check.seconds for check in sorted(checks, key=lambda each: -each.seconds)[:8]
        },
        "scan_s": round(scan_s, 3),
        "scans": round(suites_s / scan_s, 1),
    }


def _said(check: CheckResult) -> str:
    return f"{check.suite}.{check.name}: {check.error or check.unexpected} {list(check.sample[:1])}"


def main() -> None:
    """Start a stack, fill it, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trades", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="k2-suites-") as directory,
        start_stack("embedded", workdir=Path(directory)) as stack,
    ):
        found = measure(stack, options.trades)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(
        f"{found['checks']} standing checks on {found['silver_trades']:,} silver trades: {found['suites_s']:.1f} s, "
        f"{found['scans']:.1f} times one full scan of silver ({found['scan_s']:.2f} s); "
        f"{found['queries']} queries fetched {found['rows_fetched']:,} rows, "
        f"at most {found['most_rows_of_a_query']} each"
    )
    for name, took in found["by_suite_s"].items():
        print(f"  {took:7.2f} s  {name}")
    for name, took in found["slowest_s"].items():
        print(f"  {took:7.2f} s  {name}")
    for sentence in found["not_holding"]:
        print("  does not hold:", sentence)


if __name__ == "__main__":
    main()
