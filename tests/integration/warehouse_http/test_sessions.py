"""session_id: state that outlives a request, for one client at a time."""

import threading
from itertools import count

import pytest

from tests.integration.warehouse_http.process import Warehouse, wait_for

_NUMBERS = count()


@pytest.fixture
def session() -> str:
    return f"session-{next(_NUMBERS)}"


def test_session_keeps_settings_database_and_temporary_tables(
    warehouse: Warehouse, database: str, session: str
) -> None:
    for sql in (
        "SET max_block_size = 11, max_threads = 3",
        f"USE {database}",
        "CREATE TEMPORARY TABLE mine (a UInt8)",
        "INSERT INTO mine VALUES (1), (2)",
        "SET max_block_size = {size:UInt64}",
    ):
        assert warehouse.post(sql, session_id=session, param_size="12").status == 200
    sql = "SELECT getSetting('max_block_size'), getSetting('max_threads'), currentDatabase(), sum(a) FROM mine"
    assert warehouse.rows(sql, session_id=session) == [f"12\t3\t{database}\t3"]


def test_settings_of_a_request_in_a_session_are_gone_in_the_next(
    warehouse: Warehouse, database: str, session: str
) -> None:
    sql = "SELECT getSetting('max_block_size'), getSetting('async_insert'), currentDatabase()"
    assert warehouse.post("SET max_block_size = 11", session_id=session).status == 200
    overlay = {"max_block_size": "12", "async_insert": "1", "database": database}
    assert warehouse.rows(sql, session_id=session, **overlay) == [f"12\ttrue\t{database}"]
    assert warehouse.rows(sql, session_id=session) == ["11\tfalse\tdefault"]
    assert warehouse.post("SELECT nope", session_id=session, **overlay).status == 404
    assert warehouse.rows(sql, session_id=session) == ["11\tfalse\tdefault"]


def test_failed_statement_leaves_a_session_as_it_was(warehouse: Warehouse, session: str) -> None:
    assert warehouse.post("SET nope = 1", session_id=session).error_code == 115
    assert warehouse.post("SET max_block_size = 11", session_id=session).status == 200
    assert warehouse.post("SET max_block_size = 12, nope = 1", session_id=session).error_code == 115
    assert warehouse.rows("SELECT getSetting('max_block_size')", session_id=session, max_threads="1") == ["11"]


def test_get_in_a_session_with_state_may_not_write(warehouse: Warehouse, session: str) -> None:
    assert warehouse.post("CREATE TEMPORARY TABLE mine (a UInt8)", session_id=session).status == 200
    assert warehouse.get(query="INSERT INTO mine VALUES (1)", session_id=session).error_code == 164
    assert warehouse.get(query="SELECT count() FROM mine", session_id=session).body == b"0\n"
    assert warehouse.post("INSERT INTO mine VALUES (1)", session_id=session).status == 200


def test_session_in_use_is_locked(warehouse: Warehouse, session: str) -> None:
    sql = "SELECT sleep(3), 'locked session'"
    first = threading.Thread(target=warehouse.post, args=(sql,), kwargs={"session_id": session})
    first.start()
    running = "SELECT count() FROM system.processes WHERE query LIKE '%locked session%' AND query LIKE '%sleep%'"
    wait_for(lambda: warehouse.rows(running) == ["2"], "the first request runs")
    assert warehouse.post("SELECT 1", session_id=session).error_code == 373
    first.join()
    assert warehouse.rows("SELECT 1", session_id=session) == ["1"]


def test_session_that_is_closed_is_gone(warehouse: Warehouse, session: str) -> None:
    assert warehouse.post("SET max_block_size = 11", session_id=session).status == 200
    assert warehouse.rows("SELECT 1", session_id=session, session_check="1", close_session="1") == ["1"]
    assert warehouse.post("SELECT 1", session_id=session, session_check="1").error_code == 372


def test_session_expires(warehouse: Warehouse, session: str) -> None:
    assert warehouse.post("SET max_block_size = 11", session_id=session, session_timeout="0").status == 200
    wait_for(
        lambda: warehouse.post("SELECT 1", session_id=session, session_check="1").error_code == 372,
        "the session is gone",
    )
