"""When the HTTP interface calls the Kafka table engine, and that its words go through."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from k2pipeline.warehouse.engine import Engine
from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.http.cancellation import Cancellation
from k2pipeline.warehouse.http.job import read_job
from k2pipeline.warehouse.http.request import read_request
from k2pipeline.warehouse.http.runner import Runner
from k2pipeline.warehouse.http.sessions import Sessions
from k2pipeline.warehouse.http.spool import SpoolDirectory


class Recorder:
    """A Kafka table engine that writes down its calls; tables named `queue` are its own."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def start(self) -> None:
        self.calls.append("start")

    def intercept(self, sql: str) -> str | None:
        self.calls.append("intercept")
        if "wrong" in sql:
            raise WarehouseError(36, "BAD_ARGUMENTS", "kafka_broker_list is missing")
        return "CREATE TABLE rewritten (a UInt8) ENGINE = Null" if "queue" in sql else None

    @contextmanager
    def ddl(self) -> Iterator[None]:
        self.calls.append("enter")
        try:
            yield
        finally:
            self.calls.append("leave")

    def refuse_reading(self, sources: Iterable[tuple[str, str]], current_database: Callable[[], str]) -> None:
        self.calls.append(f"reading {[(database or current_database(), table) for database, table in sources]}")

    def refresh_consumers(self) -> None:
        self.calls.append("refresh")

    def close(self) -> None:
        self.calls.append("close")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = Engine(tmp_path_factory.mktemp("engine") / "data")
    yield made
    made.close()


def run(engine: Engine, kafka: Recorder, directory: Path, sql: bytes) -> bytes:
    runner = Runner(engine, kafka, Sessions(), threading.BoundedSemaphore(1), 1.0)
    with ExitStack() as kept:
        request = read_request("POST", {"query": sql}, {})
        job = read_job(request, _Nothing(), SpoolDirectory(directory), kept)
        with runner.running(job, Cancellation()) as running:
            return b"".join(result.data for result in running.results)


class _Nothing:
    def read(self, _: int, /) -> bytes:
        return b""


@pytest.mark.parametrize(
    ("sql", "calls"),
    [
        (b"CREATE TABLE IF NOT EXISTS t (a UInt8) ENGINE = Memory", ["enter", "intercept", "leave"]),
        (b"ALTER TABLE t MODIFY COMMENT 'x'", ["enter", "leave"]),
        (b"EXCHANGE TABLES nope AND t", ["enter", "leave"]),
        (b"DROP TABLE IF EXISTS nope", ["enter", "leave"]),
        (b"CREATE TEMPORARY TABLE tt (a UInt8)", []),
        (b"INSERT INTO t VALUES (1)", []),
        (b"SELECT 'CREATE TABLE'", []),
        (b"SELECT count() FROM t", ["reading [('default', 't')]"]),
        (b"INSERT INTO t SELECT * FROM k2.queue", ["reading [('k2', 'queue')]"]),
        (b"SELECT count() FROM system.kafka_consumers", ["refresh", "reading [('system', 'kafka_consumers')]"]),
    ],
)
def test_kafka_is_asked_around_data_definition_only(
    engine: Engine, tmp_path: Path, sql: bytes, calls: list[str]
) -> None:
    kafka = Recorder()
    with suppress(WarehouseError):  # some of the tables do not exist; the calls are the same
        run(engine, kafka, tmp_path, sql)
    assert kafka.calls == calls


def test_statement_that_kafka_rewrites_runs_in_its_place(engine: Engine, tmp_path: Path) -> None:
    kafka = Recorder()
    run(engine, kafka, tmp_path, b"CREATE TABLE queue (message String) ENGINE = Kafka")
    assert run(engine, kafka, tmp_path, b"EXISTS TABLE rewritten") == b"1\n"
    assert run(engine, kafka, tmp_path, b"EXISTS TABLE queue") == b"0\n"


def test_settings_that_kafka_refuses_are_the_clients_error(engine: Engine, tmp_path: Path) -> None:
    kafka = Recorder()
    with pytest.raises(WarehouseError, match="kafka_broker_list"):
        run(engine, kafka, tmp_path, b"CREATE TABLE wrong (message String) ENGINE = Kafka")
    assert kafka.calls == ["enter", "intercept", "leave"]
