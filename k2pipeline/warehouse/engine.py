"""chDB as the warehouse uses it: connections that are cheap, separate and safe to close.

    engine = Engine(Path("data"))
    with engine.connect() as connection:
        connection.execute("SELECT count() FROM k2.silver_trades")        # b"0\\n"

One process can open one data directory. A connection runs one statement at a time, in any thread.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import chdb

from k2pipeline.warehouse.errors import WarehouseError

# system.processes shows it, and nothing else reads it. A comment that a client sets stands before the tag.
_TAG_SETTING = "log_comment"

# chDB takes options after a '?'; in FROM INFILE, the others are patterns or columns of a partitioned table.
_MISREAD_IN_PATHS = frozenset("?*{}=")

_CONFIG = Path(__file__).with_name("engine.xml")

# Where chDB differs from a server. chDB takes `1 + 1` for a query, and would queue small inserts.
SERVER_DEFAULTS = {
    "implicit_select": "0",
    "allow_introspection_functions": "0",
    "async_insert": "0",
    "session_timezone": "UTC",
}


@dataclass(frozen=True)
class Statistics:
    """What a statement read and wrote; `written_rows` counts the rows that materialized views wrote too."""

    result_rows: int = 0
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0

    def __add__(self, other: Statistics) -> Statistics:
        return Statistics(
            self.result_rows + other.result_rows,
            self.read_rows + other.read_rows,
            self.read_bytes + other.read_bytes,
            self.written_rows + other.written_rows,
            self.written_bytes + other.written_bytes,
        )


@dataclass(frozen=True)
class Result:
    """Formatted output, or one block of it."""

    data: bytes
    statistics: Statistics


class EngineConnection:
    """One chDB connection. Settings and the current database last until it is closed.

    Every method raises WarehouseError with the engine's own code; the connection stays usable after an error.
    """

    def __init__(self, raw: Any, tag: str = "") -> None:
        self._raw: Any = raw
        self.tag = tag

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def raw(self) -> Any:
        """chDB's own connection. `FROM Python(name)` finds a variable of the frames that called it."""
        if self._raw is None:
            raise WarehouseError(210, "NETWORK_ERROR", "the engine connection is closed; open another one")
        return self._raw

    def execute(
        self,
        sql: str | bytes,
        fmt: str = "TabSeparated",
        params: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> bytes:
        """Run one statement and return its formatted output; `settings` hold for this statement only.

        Do not pass data inline after a FORMAT clause: see the package's docstring.
        """
        if not settings:
            return self.run(sql, fmt, params).data
        self.change_settings(settings)
        try:
            return self.run(sql, fmt, params).data
        finally:
            self.reset_settings(settings)

    def run(self, sql: str | bytes, fmt: str = "TabSeparated", params: Mapping[str, str] | None = None) -> Result:
        """Like `execute`, with statistics."""
        with _engine_errors():
            return _result(self.raw.query(sql, fmt, params=dict(params or {})))

    def stream(
        self, sql: str | bytes, fmt: str = "TabSeparated", params: Mapping[str, str] | None = None
    ) -> Generator[Result]:
        """Run a SELECT block by block. Each is formatted by itself: only for formats without head or foot.

        Closing the generator cancels the query. Until then the connection accepts nothing else.
        """
        with _engine_errors():
            blocks = self.raw.send_query(sql, fmt, params=dict(params or {}))
        try:
            while True:
                # Fetching from a closed chDB connection ends the process; `raw` raises instead.
                _ = self.raw
                with _engine_errors():
                    block = blocks.fetch()
                if block is None:
                    return
                yield _result(block)
        finally:
            if self._raw is not None:
                with _engine_errors():
                    blocks.close()

    def insert_file(
        self,
        into: str | bytes,
        fmt: str,
        path: Path,
        settings: bytes = b"",
        params: Mapping[str, str] | None = None,
    ) -> Result:
        """Insert the rows in `path`; `into` = `INSERT INTO t (columns)`.

        After an error none is there, if they were at most max_insert_block_size; like a ClickHouse server,
        the engine writes more than that in several steps.
        """
        head = into if isinstance(into, bytes) else into.encode()
        source = b" FROM INFILE " + quoted(str(path)).encode() + b" COMPRESSION 'none' "
        try:
            return self.run(head + source + settings + b" FORMAT " + fmt.encode(), fmt, params)
        except WarehouseError as error:
            raise _without_path(error, path) from None

    def change_settings(self, settings: Mapping[str, str]) -> None:
        if _TAG_SETTING in settings:
            settings = {**settings, _TAG_SETTING: f"{settings[_TAG_SETTING]} {self.tag}".strip()}
        if settings:
            self.run("SET " + ", ".join(f"{_identifier(name)} = {quoted(value)}" for name, value in settings.items()))

    def reset_settings(self, names: Mapping[str, str]) -> None:
        """Back to what a new connection has."""
        if names:
            self.run("SET " + ", ".join(f"{_identifier(name)} = DEFAULT" for name in names))
            self.change_settings({name: value for name, value in SERVER_DEFAULTS.items() if name in names})
        if _TAG_SETTING in names:
            self.change_settings({_TAG_SETTING: ""})

    def use(self, database: str) -> None:
        self.run(f"USE {quoted(database, '`')}")

    def close(self) -> None:
        """Cancels what runs. Closing twice is fine."""
        raw, self._raw = self._raw, None
        if raw is not None:
            raw.close()


class Engine:
    """The engine on one data directory."""

    def __init__(self, data: Path) -> None:
        if misread := _MISREAD_IN_PATHS.intersection(str(data)):
            raise ValueError(
                f"data directory {str(data)!r}: chDB misreads {' '.join(sorted(misread))} in paths; rename it"
            )
        data.mkdir(parents=True, exist_ok=True)
        self._data = data
        # chDB shuts the engine down with its last connection, so one stays open.
        self._root = self.connect()
        self.version = self._root.execute("SELECT version()").decode().strip()

    def connect(self, tag: str = "") -> EngineConnection:
        """A new connection. `kill(tag)` ends what it runs."""
        options = {"config-file": str(_CONFIG), **SERVER_DEFAULTS, **({_TAG_SETTING: tag} if tag else {})}
        location = f"{self._data}?{urlencode(options)}"
        with _engine_errors():
            return EngineConnection(chdb.connect(location), tag)  # type: ignore[no-untyped-call]

    def kill(self, tag: str) -> None:
        """Ask the engine to end what connections with this tag run: QUERY_WAS_CANCELLED (394) for them."""
        with self.connect() as connection:
            connection.execute(f"KILL QUERY WHERE endsWith(Settings['{_TAG_SETTING}'], {quoted(tag)}) ASYNC")

    def kill_all(self) -> None:
        """End everything that runs, whoever started it."""
        self._root.execute("KILL QUERY WHERE 1 ASYNC")

    def close(self) -> None:
        """All other connections must be closed."""
        self._root.close()


def quoted(text: str, mark: str = "'") -> str:
    escaped = text.replace("\\", "\\\\").replace(mark, f"\\{mark}")
    return f"{mark}{escaped}{mark}"


def _identifier(name: str) -> str:
    if not (name.isascii() and name.replace(".", "_").isidentifier()):
        raise WarehouseError(115, "UNKNOWN_SETTING", f"Unknown setting {name!r}: not a name of a setting")
    return name


def _result(raw: Any) -> Result:
    return Result(
        raw.bytes(),
        Statistics(
            result_rows=raw.rows_read(),
            read_rows=raw.storage_rows_read(),
            read_bytes=raw.storage_bytes_read(),
            written_rows=raw.rows_written(),
            written_bytes=raw.bytes_written(),
        ),
    )


def _without_path(error: WarehouseError, path: Path) -> WarehouseError:
    """The data came over HTTP; where it was kept meanwhile is nothing the client could look at."""
    message = error.message.replace(f": (in file/uri {path})", "")
    message = message.replace(": While executing File: data for INSERT was parsed from file", "")
    return WarehouseError(error.code, error.name, message.replace(str(path), "the request's data"))


@contextmanager
def _engine_errors() -> Iterator[None]:
    """chDB's exceptions, RuntimeErrors all, as WarehouseError."""
    try:
        yield
    except RuntimeError as error:
        raise WarehouseError.from_engine(str(error)) from None
