"""Runs a job on the engine: a slot, a connection of its own, Kafka held off during data definition."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

from k2pipeline.warehouse.engine import Engine, EngineConnection, Result, quoted
from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.http.cancellation import Cancellation
from k2pipeline.warehouse.http.job import Insert, Job
from k2pipeline.warehouse.http.kafka_support import KafkaSupport
from k2pipeline.warehouse.http.request import Request
from k2pipeline.warehouse.http.sessions import Session, Sessions
from k2pipeline.warehouse.http.statement import Statement

# Blocks of these formats can be written one after the other. All others have a head or a foot around all
# rows; chDB's streaming would repeat it for every block, so their answers are made in one piece.
_STREAMABLE = frozenset(
    [
        *("Native", "RowBinary", "MsgPack", "RawBLOB", "LineAsString", "TSKV", "CSV"),
        *("TabSeparated", "TSV", "TabSeparatedRaw", "TSVRaw", "Raw"),
        *("JSONEachRow", "JSONLines", "NDJSON", "JSONStringsEachRow"),
        *("JSONCompactEachRow", "JSONCompactStringsEachRow"),
    ]
)


@dataclass(frozen=True)
class Running:
    """A statement under way, its output in one piece or in several."""

    format: str
    results: Iterator[Result]


@dataclass
class Runner:
    """`slots` bounds how many statements run at once, `queue_timeout_s` how long one waits for a slot."""

    engine: Engine
    kafka: KafkaSupport
    sessions: Sessions
    slots: threading.BoundedSemaphore
    queue_timeout_s: float
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def running(self, job: Job, cancellation: Cancellation) -> Iterator[Running]:
        """Raises WarehouseError, here and while the results are read."""
        with ExitStack() as stack:
            wanted = job.request.session
            session = stack.enter_context(self.sessions.using(wanted)) if wanted else None
            stack.enter_context(self._slot())
            connection = stack.enter_context(self._connection(job, session))
            cancellation.check()
            if isinstance(job.work, Statement) and job.work.is_select:
                cancellation.tag = connection.tag
            try:
                yield stack.enter_context(self._start(job, connection))
            finally:
                cancellation.tag = ""

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self.slots.acquire(timeout=self.queue_timeout_s):
            raise WarehouseError(
                202,
                "TOO_MANY_SIMULTANEOUS_QUERIES",
                f"Too many simultaneous queries: none ended within {self.queue_timeout_s:g} s; try later",
            )
        try:
            yield
        finally:
            self.slots.release()

    @contextmanager
    def _connection(self, job: Job, session: Session | None) -> Iterator[EngineConnection]:
        """With the request's database and settings; the session's own if that has state or will have."""
        if session is not None and (session.connection or _leaves_state(job)):
            with self._session_connection(job, session) as connection, _external_tables(job, connection):
                yield connection
            return
        request = job.request
        with self.engine.connect(self._new_tag()) as connection:
            if request.database:
                connection.use(request.database)
            with _external_tables(job, connection, drop=False):
                connection.change_settings(_with_readonly(request))
                yield connection

    @contextmanager
    def _session_connection(self, job: Job, session: Session) -> Iterator[EngineConnection]:
        if job.request.read_only and not (isinstance(job.work, Statement) and job.work.only_reads):
            raise WarehouseError(
                164,
                "READONLY",
                "default: Cannot execute query in readonly mode. For queries over HTTP, method GET implies "
                "readonly; use POST for queries that modify data",
            )
        is_new = session.connection is None
        own = session.connection = session.connection or self.engine.connect(self._new_tag())
        try:
            with session.lending(own, job.request.database, job.request.settings) as connection:
                yield connection
                if isinstance(job.work, Statement) and job.work.keyword in ("SET", "USE"):
                    session.remember(job.work.text, job.request.params)
        except BaseException:
            if is_new:
                session.close()
            raise

    @contextmanager
    def _start(self, job: Job, connection: EngineConnection) -> Iterator[Running]:
        request, work = job.request, job.work
        if isinstance(work, Insert):
            head = work.head
            yield _whole("", connection.insert_file(head.into, head.format, work.rows, head.settings, request.params))
            return
        if work.names_kafka_consumers:
            self.kafka.refresh_consumers()
        if work.sources and not work.is_definition:
            self.kafka.refuse_reading(
                work.sources, lambda: connection.execute("SELECT currentDatabase()").decode().strip()
            )
        fmt = work.format or request.default_format
        if work.is_definition and not work.temporary:
            with self.kafka.ddl():
                result = connection.run(self._intercepted(work), fmt, request.params)
            yield _whole(fmt, result)
        elif work.is_select and fmt in _STREAMABLE and not request.wait_end_of_query:
            with closing(connection.stream(work.text, fmt, request.params)) as results:
                yield Running(fmt, results)
        else:
            yield _whole(fmt, connection.run(work.text, fmt, request.params))

    def _intercepted(self, statement: Statement) -> str | bytes:
        if not statement.may_create_kafka_table:
            return statement.text
        try:
            text = statement.text.decode()
        except UnicodeDecodeError:
            return statement.text
        return self.kafka.intercept(text) or text

    def _new_tag(self) -> str:
        return f"k2-http-{next(self._numbers)}"


def _whole(fmt: str, result: Result) -> Running:
    return Running(fmt, iter([result]))


def _with_readonly(request: Request) -> Mapping[str, str]:
    """What only reads by its method may ask for a stricter mode, not for a looser one."""
    if not request.read_only or request.settings.get("readonly") in ("1", "2"):
        return request.settings
    return {**request.settings, "readonly": "2"}


def _leaves_state(job: Job) -> bool:
    return isinstance(job.work, Statement) and job.work.leaves_state


@contextmanager
def _external_tables(job: Job, connection: EngineConnection, *, drop: bool = True) -> Iterator[None]:
    with ExitStack() as stack:
        for table in job.tables:
            name = quoted(table.name, "`")
            connection.run(f"CREATE TEMPORARY TABLE {name} ({table.structure})")
            if drop:
                stack.callback(connection.run, f"DROP TEMPORARY TABLE {name}")
            connection.insert_file(f"INSERT INTO {name}", table.format, table.data)
        yield
