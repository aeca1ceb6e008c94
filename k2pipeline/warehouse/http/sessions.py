"""Sessions: what SET, USE and temporary tables leave behind for later requests with the same `session_id`.

Most clients send a session id and never use it. So a session has a connection of its own only from the first
statement that leaves state behind; until then its requests run on fresh connections like all others.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from k2pipeline.warehouse.engine import EngineConnection
from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.http.request import SessionRequest

LOG = logging.getLogger("k2.warehouse.http")

_DEFAULT_DATABASE = "default"


@dataclass(frozen=True)
class _Step:
    """A SET or USE of the session, to be repeated after a request's own settings were taken back."""

    sql: bytes
    params: tuple[tuple[str, str], ...]


@dataclass
class Session:
    """Used by one request at a time."""

    expires_at_s: float
    connection: EngineConnection | None = None
    busy: bool = True
    _journal: list[_Step] = field(default_factory=list)

    @contextmanager
    def lending(
        self, connection: EngineConnection, database: str, settings: Mapping[str, str]
    ) -> Iterator[EngineConnection]:
        """The session's connection, with what one request asks for on top until it ends."""
        if "readonly" in settings:
            raise WarehouseError(
                48,
                "NOT_IMPLEMENTED",
                "readonly for one request is not supported in a session that holds settings or temporary "
                "tables; send the request without session_id, or SET readonly in the session",
            )
        try:
            if database:
                connection.use(database)
            connection.change_settings(settings)
            yield connection
        finally:
            if database or settings:
                self._restore(connection, database, settings)

    def remember(self, sql: bytes, params: Mapping[str, str]) -> None:
        """A SET or USE statement that succeeded."""
        step = _Step(sql, tuple(params.items()))
        # Only the last of equal steps matters, so a client that repeats itself makes no long journal.
        self._journal = [*(earlier for earlier in self._journal if earlier != step), step]

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _restore(self, connection: EngineConnection, database: str, settings: Mapping[str, str]) -> None:
        try:
            connection.reset_settings(settings)
            if database:
                connection.use(_DEFAULT_DATABASE)
            for step in self._journal:
                connection.run(step.sql, params=dict(step.params))
        except WarehouseError as error:
            # Better no state than somebody else's; the request itself has its answer already.
            LOG.warning("a session lost its settings and temporary tables: %s", error)
            self.close()


class Sessions:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._by_id: dict[str, Session] = {}

    @contextmanager
    def using(self, request: SessionRequest) -> Iterator[Session]:
        """Raises SESSION_IS_LOCKED (373) while another request uses it, or SESSION_NOT_FOUND (372)."""
        session = self._take(request)
        try:
            yield session
        finally:
            with self._lock:
                session.busy = False
                session.expires_at_s = self._clock() + request.timeout_s
                if request.close:
                    self._by_id.pop(request.id, None)
            if request.close:
                session.close()

    def close(self) -> None:
        """Close every session that no request uses."""
        with self._lock:
            idle = [session for session in self._by_id.values() if not session.busy]
            self._by_id.clear()
        for session in idle:
            session.close()

    def _take(self, request: SessionRequest) -> Session:
        with self._lock:
            expired = self._remove_expired()
            session = self._by_id.get(request.id)
            if session is None and not request.must_exist:
                session = self._by_id[request.id] = Session(self._clock() + request.timeout_s, busy=False)
            locked = session is not None and session.busy
            if session is not None:
                session.busy = True
        for each in expired:
            each.close()
        if session is None:
            raise WarehouseError(372, "SESSION_NOT_FOUND", f"Session {request.id!r} not found; it may have expired")
        if locked:
            raise WarehouseError(
                373,
                "SESSION_IS_LOCKED",
                f"Session {request.id!r} is locked by a concurrent client; use one session_id per client",
            )
        return session

    def _remove_expired(self) -> list[Session]:
        now = self._clock()
        expired = [key for key, each in self._by_id.items() if not each.busy and each.expires_at_s < now]
        return [self._by_id.pop(key) for key in expired]
