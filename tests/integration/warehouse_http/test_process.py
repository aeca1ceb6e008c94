"""The process: how it starts and ends, and what survives when it is killed."""

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from tests.integration.warehouse_http.process import COMMAND, PASSWORD, Warehouse, wait_for


def test_ready_line_says_where_and_what(warehouse: Warehouse) -> None:
    assert warehouse.ready == {
        "url": f"http://127.0.0.1:{warehouse.port}",
        "pid": warehouse.process.pid,
        "version": "26.9.2.1",
    }


def test_acknowledged_inserts_survive_kill_9_again_and_again(tmp_path: Path) -> None:
    acknowledged: list[int] = []
    for life in range(3):
        with Warehouse.start(tmp_path) as warehouse:
            if life == 0:
                created = warehouse.post("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
                assert created.status == 200
            found = warehouse.rows("SELECT n FROM t ORDER BY n")
            assert set(map(str, acknowledged)) <= set(found)
            assert len(found) == len(set(found))
            inserting = threading.Thread(target=_insert_until_killed, args=(warehouse, acknowledged))
            inserting.start()
            enough = len(acknowledged) + 30
            wait_for(lambda enough=enough: len(acknowledged) >= enough, "inserts are acknowledged")  # type: ignore[misc]
            warehouse.kill()
            inserting.join(30)
    with Warehouse.start(tmp_path) as warehouse:
        found = warehouse.rows("SELECT n FROM t ORDER BY n")
        assert set(map(str, acknowledged)) <= set(found)


def _insert_until_killed(warehouse: Warehouse, acknowledged: list[int]) -> None:
    number = 1_000_000 * (1 + len(acknowledged))
    while True:
        try:
            if warehouse.post(f"INSERT INTO t FORMAT TSV\n{number}\n").status == 200:
                acknowledged.append(number)
        except OSError:
            return
        number += 1


def test_leftovers_of_a_killed_process_do_not_matter(tmp_path: Path) -> None:
    spool = tmp_path / "data" / "http_spool"
    with Warehouse.start(tmp_path) as warehouse:
        assert warehouse.post("CREATE DATABASE kept").status == 200
        warehouse.kill()
    (spool / "insert-left-over").write_bytes(b"1\n")
    assert (tmp_path / "data" / "status").exists()
    with Warehouse.start(tmp_path) as warehouse:
        assert warehouse.rows("SHOW DATABASES LIKE 'kept'") == ["kept"]
        assert list(spool.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_with_exit_code_0(tmp_path: Path, number: signal.Signals) -> None:
    with Warehouse.start(tmp_path) as warehouse:
        idle = warehouse.connection()
        idle.connect()
        warehouse.process.send_signal(number)
        assert warehouse.process.wait(60) == 0
        idle.close()
    assert "Traceback" not in warehouse.stderr_path.read_text()


def test_signal_ends_it_although_queries_run_and_clients_are_silent(tmp_path: Path) -> None:
    with Warehouse.start(tmp_path) as warehouse:
        sql = "SELECT count() FROM numbers(1000000000000)"
        running = threading.Thread(target=_ignore_the_end, args=(warehouse, sql))
        running.start()
        processes = "SELECT count() FROM system.processes WHERE query LIKE '%000000)%' AND query NOT LIKE '%LIKE%'"
        wait_for(lambda: warehouse.rows(processes) == ["1"], "the query runs")
        silent = warehouse.connection()
        silent.putrequest("POST", "/")
        silent.putheader("X-ClickHouse-Key", PASSWORD.encode())
        silent.putheader("Content-Length", "100")
        silent.endheaders(b"SELECT")
        warehouse.process.terminate()
        assert warehouse.process.wait(60) == 0
        running.join(60)
        silent.close()


def _ignore_the_end(warehouse: Warehouse, sql: str) -> None:
    try:
        warehouse.post(sql)
    except OSError:
        return


def test_second_process_on_the_same_data_does_not_start(tmp_path: Path) -> None:
    with Warehouse.start(tmp_path) as warehouse:
        second = _run("--data", str(tmp_path / "data"))
        assert second.returncode == 3
        assert "could not start" in second.stderr
        assert warehouse.rows("SELECT 1") == ["1"]


def test_port_that_is_taken_is_an_error(tmp_path: Path, warehouse: Warehouse) -> None:
    taken = _run("--data", str(tmp_path), "--port", str(warehouse.port))
    assert taken.returncode == 3
    assert str(warehouse.port) in taken.stderr


def test_password_is_required(tmp_path: Path) -> None:
    refused = _run("--data", str(tmp_path), password="")
    assert refused.returncode == 2
    assert "K2_WAREHOUSE_PASSWORD" in refused.stderr


@pytest.mark.parametrize("wrong", [("--port", "99999"), ("--max-queries", "0"), ()])
def test_wrong_command_is_an_error(tmp_path: Path, wrong: tuple[str, ...]) -> None:
    data = ("--data", str(tmp_path)) if wrong else ()
    assert _run(*data, *wrong).returncode == 2


def _run(*arguments: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "K2_WAREHOUSE_PASSWORD": password}
    return subprocess.run(
        [*COMMAND, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
