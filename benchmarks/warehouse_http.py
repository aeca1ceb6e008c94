"""What the warehouse's HTTP interface costs, against chDB called directly in the same run.

    python benchmarks/warehouse_http.py [--requests 1000] [--blocks 30]

Prints the median latency of `SELECT 1`, and the rate of inserts of 100,000-row Native blocks, each over HTTP and
directly, with their ratio. Directly means: no process between, a connection that stays open, `send_insert`, which
skips every check that a rejected row is noticed (so the pipeline cannot use it); `INSERT .. FROM INFILE`, which the
interface uses, is printed as well.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from k2pipeline.warehouse.engine import Engine, EngineConnection

ROWS_PER_BLOCK = 100_000
TABLE = (
    "CREATE TABLE IF NOT EXISTS trades (id UInt64, at DateTime64(6, 'UTC'), symbol LowCardinality(String), "
    "price Decimal(38, 18), quantity Decimal(38, 18), side Enum8('BUY' = 1, 'SELL' = 2)) ENGINE = MergeTree ORDER BY id"
)
BLOCK = (
    "SELECT number AS id, fromUnixTimestamp64Micro(1700000000000000 + number, 'UTC') AS at, "
    "toLowCardinality(['BTC/USDT', 'ETH/USDT'][number % 2 + 1]) AS symbol, "
    "toDecimal128(number, 18) / 7 AS price, toDecimal128(number, 18) / 11 AS quantity, "
    "CAST(number % 2 + 1, 'Enum8(\\'BUY\\' = 1, \\'SELL\\' = 2)') AS side "
    f"FROM numbers({ROWS_PER_BLOCK}) SETTINGS max_block_size = {ROWS_PER_BLOCK}"
)


class HttpWarehouse:
    def __init__(self, url: str, password: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)
        self._headers = {"X-ClickHouse-Key": password}

    def post(self, body: bytes, path: str = "/") -> bytes:
        self._connection.request("POST", path, body, self._headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {answer.decode()}")
        return answer


@contextmanager
def http_warehouse(directory: Path) -> Iterator[HttpWarehouse]:
    password = secrets.token_hex()
    command = [sys.executable, "-m", "k2pipeline.warehouse", "--data", str(directory)]
    environment = {**os.environ, "K2_WAREHOUSE_PASSWORD": password}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield HttpWarehouse(json.loads(process.stdout.readline())["url"], password)
        process.terminate()


def medians_ms(actions: Mapping[str, Callable[[], object]], times: int) -> dict[str, float]:
    """Each action in turn, so that whatever else the machine does meets all of them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(times):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(each) * 1000 for name, each in seconds.items()}


def insert_directly(connection: EngineConnection, block: bytes) -> None:
    inserter = connection.raw.send_insert("INSERT INTO trades", "Native")
    inserter.append(block)
    inserter.finish()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--blocks", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        compare(Path(name), options.requests, options.blocks)


def compare(directory: Path, requests: int, blocks: int) -> None:
    engine = Engine(directory / "direct")
    with engine.connect() as direct, http_warehouse(directory / "http") as warehouse:
        # Merges of one warehouse's parts would run while the other one is measured.
        for statement in (TABLE, "SYSTEM STOP MERGES trades"):
            direct.execute(statement)
            warehouse.post(statement.encode())
        block = direct.execute(BLOCK, "Native")
        file = directory / "block"
        file.write_bytes(block)
        path = "/?query=INSERT+INTO+trades+FORMAT+Native"
        selects = {
            "chDB, open connection": lambda: direct.execute("SELECT 1"),
            "chDB, new connection": lambda: new_connection(engine),
            "HTTP": lambda: warehouse.post(b"SELECT 1"),
        }
        inserts = {
            "chDB, send_insert": lambda: insert_directly(direct, block),
            "chDB, FROM INFILE": lambda: direct.insert_file("INSERT INTO trades", "Native", file),
            "HTTP": lambda: warehouse.post(block, path),
        }
        show("SELECT 1, median", medians_ms(selects, requests))
        show(f"{ROWS_PER_BLOCK} rows, median", medians_ms(inserts, blocks))
    engine.close()


def new_connection(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute("SELECT 1")


def show(title: str, measured_ms: dict[str, float]) -> None:
    bound_ms = next(iter(measured_ms.values()))
    for name, value_ms in measured_ms.items():
        rate = f"{ROWS_PER_BLOCK / value_ms * 1000:12,.0f} rows/s" if "rows" in title else ""
        ratio = f"x {value_ms / bound_ms:.2f}, + {value_ms - bound_ms:.2f} ms"
        print(f"{title:22} {name:24} {value_ms:8.2f} ms {rate}  {ratio}")


if __name__ == "__main__":
    main()
