"""A small warehouse that every check passes on, to be spoilt and mended again: the checks' laboratory.

Its tables are what sql/ made of a few frames, and k2_truth is what harness/truth computes from a ledger of the same
frames. Then the views that would react to a defect are dropped, so that a defect stays where it is put.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from harness.checks import CheckResult, run_checks
from harness.ledger import Entry, Ledger
from harness.synthetic import parse_duration, synthetic
from harness.truth import compute, load
from k2pipeline.exchanges import EXCHANGES, FrameKind
from k2pipeline.schema import DEFAULT_DIRECTORY, SchemaVariables, statements
from k2pipeline.stack.base import WarehouseAddress
from tests.integration.warehouse_http.process import PASSWORD, Warehouse

RECV_NS: Final = 1_723_161_600_000_000_123  # 2024-08-09 00:00:00 UTC
START_MS: Final = RECV_NS // 1_000_000
CLEAN: Final = "clean_"
DLQ: Final = "market.crypto.trades.dlq"

_KAFKA: Final = re.compile(r"\(\s*message String[^)]*\)\s*ENGINE = Kafka.*", re.DOTALL)
_QUEUE: Final = """(message String, _topic LowCardinality(String), _partition UInt64, _offset UInt64,
    _timestamp_ms Nullable(DateTime64(3)), `_headers.name` Array(String), `_headers.value` Array(String))
    ENGINE = Null"""


def binance(trade_id: int, price: str, *, ms: int = 0, quantity: str = "0.5", symbol: str = "BTCUSDT") -> str:
    """A raw trade frame, `ms` after the start."""
    trade = {"e": "trade", "E": START_MS + ms + 1, "s": symbol, "t": trade_id, "p": price, "q": quantity}
    return json.dumps({**trade, "T": START_MS + ms, "m": trade_id % 2 == 0, "M": True})


class Sent(NamedTuple):
    """A frame, in which topic, and what was done to it."""

    topic: str
    frame: str
    faults: tuple[str, ...] = ()
    recv_ns: int = RECV_NS


_BUSY: Final[Sequence[tuple[str, str, tuple[str, ...]]]] = (
    # Two trades open the first window in the same millisecond, and two close it.
    ("binance", binance(100, "100.5"), ()),
    ("binance", binance(101, "101.25"), ()),
    ("binance", binance(102, "99.000000000000000001", ms=900), ()),
    ("binance", binance(103, "99.5", ms=900), ()),
    ("binance", binance(104, "98", ms=950), ("gap",)),
    ("binance", binance(105, "105", ms=61_000), ()),
    ("binance", binance(102, "99.000000000000000001", ms=900), ("duplicate",)),
    ("binance", binance(106, "106", ms=400_000, quantity="0"), ()),
    ("binance", binance(107, "107", ms=4_000_000), ()),
    ("binance", binance(108, "108", ms=90_000_000, symbol="BTCUSDT"), ()),
    ("binance", binance(7, "2500.1", ms=500, symbol="ETHUSDT"), ()),
    ("binance", binance(9000, "2501", ms=700, symbol="ETHUSDT"), ()),
    ("binance", binance(109, "1.0000000000000000001"), ()),
    ("binance", '{"e":"trade","s":"BTCUSDT","t":110,"q":"1"}', ()),
    ("binance", "no JSON", ()),
    (
        "kraken",
        '{"channel":"trade","type":"update","data":['
        '{"symbol":"BTC/USD","side":"sell","price":84095.70,"qty":0.00275723,"ord_type":"limit","trade_id":1,'
        '"timestamp":"2024-08-09T00:00:01.157776Z"},'
        '{"symbol":"BTC/USD","side":"buy","price":84095.8,"qty":1e-3,"ord_type":"market","trade_id":2,'
        '"timestamp":"2024-08-09T00:00:01.157776Z"}]}',
        (),
    ),
    (
        "kraken",
        '[993,[["354.11","0.5","1723161600.557535","s","l",""],["354.11","0.5","1723161600.557535","s","l",""]],'
        '"trade","XBT/USD"]',
        (),
    ),
    ("dlq", "neither this nor that", ()),
)
BUSY: Final = tuple(Sent(*each) for each in _BUSY)
"""A little of everything that the exact checks compare."""


def quiet() -> tuple[Sent, ...]:
    """Four minutes of a healthy feed: nothing in it is worth an alarm."""
    symbols = {"binance": ["BTCUSDT", "ETHUSDT"], "kraken": ["BTC/USDT", "ETH/EUR"]}
    tape = synthetic(parse_duration("4m"), seed=5, symbols=symbols, rates={"binance": 8, "kraken": 8})
    frames = [each for each in tape if EXCHANGES[each.exchange].classify(each.frame).kind is FrameKind.TRADE]
    return tuple(Sent(each.exchange, each.frame.decode(), (), each.recv_ns) for each in frames)


class Lab:
    """The warehouse, its address, and a copy of every table as it was."""

    def __init__(self, address: WarehouseAddress, client: Any) -> None:
        self.address = address
        self._client = client

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._client.query(sql).result_rows]

    def run(self, *statements: str) -> None:
        for statement in statements:
            self._client.command(statement)

    def check(self, suites: Collection[str] = (), **options: Any) -> dict[str, CheckResult]:
        """The results of all suites, or of some, by identifier."""
        results = run_checks(self.address, suites_named=suites, **options)
        return {f"{result.suite}.{result.name}": result for result in results}

    @contextmanager
    def spoilt(self, defect: Sequence[str]) -> Iterator[None]:
        """The warehouse with a defect; what the statements name is mended afterwards."""
        touched = set(re.findall(r"\b(k2|k2_truth)\.(\w+)", " ".join(defect)))
        try:
            self.run(*defect)
            yield
        finally:
            for database, table in touched:
                self._mend(database, table)

    def keep_clean_copies(self) -> None:
        """Note how every table and view is now."""
        for database in ("k2", "k2_truth"):
            self.run(f"DROP DATABASE IF EXISTS {CLEAN}{database} SYNC", f"CREATE DATABASE {CLEAN}{database}")
            for name, engine in self.rows(f"SELECT name, engine FROM system.tables WHERE database = '{database}'"):
                if engine.endswith("MergeTree"):
                    self.run(f"CREATE TABLE {CLEAN}{database}.{name} AS {database}.{name}")
                    self.run(f"INSERT INTO {CLEAN}{database}.{name} SELECT * FROM {database}.{name}")
        self._views = dict(
            self.rows("SELECT name, create_table_query FROM system.tables WHERE database = 'k2' AND engine = 'View'")
        )

    def _mend(self, database: str, name: str) -> None:
        if database == "k2" and name in self._views:
            self.run(f"DROP VIEW IF EXISTS k2.{name}", self._views[name])
            return
        table = f"{database}.{name}"
        self.run(f"DROP TABLE IF EXISTS {table}", f"CREATE TABLE {table} AS {CLEAN}{table}")
        self.run(f"INSERT INTO {table} SELECT * FROM {CLEAN}{table}")


@contextmanager
def pipeline(directory: Path) -> Iterator[Lab]:
    """Start a warehouse with the schema, whose queues take inserts in the place of a topic."""
    with Warehouse.start(directory / "warehouse") as warehouse:
        address = WarehouseAddress("127.0.0.1", warehouse.port, password=PASSWORD)
        with address.client(database="default") as client:
            Lab(address, client).run("CREATE DATABASE k2")
        with address.client() as client:
            lab = Lab(address, client)
            for statement in statements(DEFAULT_DIRECTORY, SchemaVariables(kafka_brokers="127.0.0.1:1")):
                lab.run(_KAFKA.sub(_QUEUE, statement))
            yield lab


@contextmanager
def laboratory(directory: Path, sent: Sequence[Sent] = BUSY, frames_at_once: int = 1) -> Iterator[Lab]:
    """Start a warehouse and fill it."""
    with pipeline(directory) as lab, lab.address.client() as client:
        places = _feed(client, sent, frames_at_once)
        load(compute(ledger_of(directory / "ledger.parquet", sent, places)), client)
        views = lab.rows("SELECT name FROM system.tables WHERE database = 'k2' AND engine = 'MaterializedView'")
        lab.run(*(f"DROP VIEW k2.{name}" for (name,) in views))
        lab.keep_clean_copies()
        yield lab


def _feed(client: Any, sent: Sequence[Sent], frames_at_once: int) -> list[int | None]:
    """Insert what was sent; gives each frame's offset."""
    places: list[int | None] = []
    counts = {"binance": 0, "kraken": 0, "dlq": 0}
    rows: dict[str, list[dict[str, Any]]] = {topic: [] for topic in counts}
    for each in sent:
        if "gap" in each.faults:
            places.append(None)
            continue
        places.append(counts[each.topic])
        rows[each.topic].append(message(each, counts[each.topic]))
        counts[each.topic] += 1
        if len(rows[each.topic]) == frames_at_once:
            insert(client, each.topic, rows[each.topic])
    for topic, left in rows.items():
        insert(client, topic, left)
    return places


def message(sent: Sent, offset: int) -> dict[str, Any]:
    """A frame as a queue takes it."""
    return {
        "message": sent.frame,
        "_topic": f"market.crypto.trades.{sent.topic}",
        "_partition": 0,
        "_offset": offset,
        "_timestamp_ms": START_MS / 1000,
        "_headers.name": ["recv_ns", "exchange"],
        "_headers.value": [str(sent.recv_ns), "binance" if sent.topic == "dlq" else sent.topic],
    }


def insert(client: Any, topic: str, rows: list[dict[str, Any]]) -> None:
    """One insert into a queue, as its Kafka engine makes one."""
    if rows:
        text = "\n".join(map(json.dumps, rows))
        client.raw_insert(f"k2.trades_{topic}_queue", list(rows[0]), text, fmt="JSONEachRow")
        rows.clear()


def ledger_of(path: Path, sent: Sequence[Sent], places: Sequence[int | None]) -> Path:
    """A ledger of frames that were sent when they were due, and have these offsets."""
    with Ledger(path) as ledger:
        for (topic, frame, faults, recv_ns), offset in zip(sent, places, strict=True):
            exchange = "binance" if topic == "dlq" else topic
            kind = "unknown" if topic == "dlq" else "trade"
            name = None if offset is None else f"market.crypto.trades.{topic}"
            owed = offset is not None
            entry = Entry(exchange, "key", kind, recv_ns, recv_ns, name, 1, faults, owed, frame.encode())
            group, position = ledger.row(entry, recv_ns if owed else None)
            if offset is not None:
                group.acknowledge(position, 0, offset, recv_ns)
    return path
