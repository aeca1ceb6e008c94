from collections.abc import Mapping
from typing import cast

import pytest

from k2pipeline.warehouse.engine import EngineConnection
from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.http.request import SessionRequest
from k2pipeline.warehouse.http.sessions import Sessions


class Recorder:
    """An engine connection that only writes down what is asked of it."""

    def __init__(self, fails: str = "") -> None:
        self.calls: list[str] = []
        self._fails = fails

    def _do(self, call: str) -> None:
        self.calls.append(call)
        if self._fails and self._fails in call:
            raise WarehouseError(1, "X", call)

    def use(self, database: str) -> None:
        self._do(f"USE {database}")

    def run(self, sql: bytes, params: Mapping[str, str]) -> None:
        self._do(f"{sql.decode()} {dict(params)}")

    def change_settings(self, settings: Mapping[str, str]) -> None:
        self._do(f"change {sorted(settings)}")

    def reset_settings(self, names: Mapping[str, str]) -> None:
        self._do(f"reset {sorted(names)}")

    def close(self) -> None:
        self._do("close")


def wanted(name: str = "a", timeout_s: int = 60, must_exist: bool = False, close: bool = False) -> SessionRequest:
    return SessionRequest(name, timeout_s, must_exist, close)


def test_session_is_for_one_request_at_a_time() -> None:
    sessions = Sessions()
    with (
        sessions.using(wanted()),
        sessions.using(wanted("b")),
        pytest.raises(WarehouseError, match="SESSION_IS_LOCKED"),
        sessions.using(wanted()),
    ):
        pass
    with sessions.using(wanted()):
        pass


def test_session_expires_when_it_was_idle_for_its_timeout() -> None:
    now_s = 0.0
    sessions = Sessions(lambda: now_s)
    recorder = Recorder()
    with sessions.using(wanted(timeout_s=10)) as session:
        session.connection = cast(EngineConnection, recorder)
        now_s = 100.0
    now_s = 110.0
    with sessions.using(wanted(timeout_s=10, must_exist=True)) as same:
        assert same is session
    now_s = 120.1
    with pytest.raises(WarehouseError, match="SESSION_NOT_FOUND"), sessions.using(wanted(must_exist=True)):
        pass
    assert recorder.calls == ["close"]


def test_session_may_be_closed_by_its_last_request() -> None:
    sessions = Sessions()
    recorder = Recorder()
    with sessions.using(wanted(close=True)) as session:
        session.connection = cast(EngineConnection, recorder)
    assert recorder.calls == ["close"]
    with pytest.raises(WarehouseError, match="SESSION_NOT_FOUND"), sessions.using(wanted(must_exist=True)):
        pass


def test_settings_of_a_request_are_taken_back_and_the_sessions_own_repeated() -> None:
    recorder = Recorder()
    connection = cast(EngineConnection, recorder)
    with Sessions().using(wanted()) as session:
        session.connection = connection
        session.remember(b"SET a = 1", {})
        session.remember(b"USE d", {})
        session.remember(b"SET a = {p:UInt8}", {"p": "2"})
        session.remember(b"SET a = 1", {})
        with session.lending(connection, "x", {"b": "3"}):
            recorder.calls.append("the request")
    assert recorder.calls == [
        "USE x",
        "change ['b']",
        "the request",
        "reset ['b']",
        "USE default",
        "USE d {}",
        "SET a = {p:UInt8} {'p': '2'}",
        "SET a = 1 {}",
    ]


def test_session_that_cannot_be_restored_loses_its_state() -> None:
    recorder = Recorder(fails="reset")
    connection = cast(EngineConnection, recorder)
    with Sessions().using(wanted()) as session:
        session.connection = connection
        with session.lending(connection, "", {"b": "3"}):
            pass
        assert session.connection is None
    assert recorder.calls[-1] == "close"


def test_idle_sessions_are_closed_with_the_warehouse() -> None:
    sessions = Sessions()
    recorder = Recorder()
    with sessions.using(wanted()) as session:
        session.connection = cast(EngineConnection, recorder)
    sessions.close()
    assert recorder.calls == ["close"]
