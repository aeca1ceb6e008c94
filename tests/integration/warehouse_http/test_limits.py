"""Bounds: on what runs at once, on what waits in memory, on how long a client is waited for."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import psutil
import pytest

from tests.integration.warehouse_http.process import PASSWORD, Warehouse, wait_for


@contextmanager
def query(warehouse: Warehouse, sql: str, parameters: str = "") -> Iterator[socket.socket]:
    """A connection on which a query was sent and nothing has been read."""
    body = sql.encode()
    head = b"POST /?%s HTTP/1.1\r\nHost: localhost\r\nX-ClickHouse-Key: %s\r\nContent-Length: %d\r\n\r\n"
    with socket.create_connection(("127.0.0.1", warehouse.port)) as connection:
        connection.sendall(head % (parameters.encode(), PASSWORD.encode(), len(body)) + body)
        yield connection


def wait_until_running(warehouse: Warehouse, mark: str, running: bool) -> None:
    sql = f"SELECT count() FROM system.processes WHERE query LIKE '%{mark}%' AND query NOT LIKE '%processes%'"
    wait_for(lambda: warehouse.rows(sql) == [str(int(running))], f"{mark} {'runs' if running else 'has ended'}")


@pytest.mark.parametrize(
    ("mark", "sql"),
    [
        ("m1", "SELECT count(), 'm1' FROM numbers(1000000000000)"),
        ("m2", "SELECT number, 'm2' FROM numbers(1000000000000) FORMAT Null"),
        ("m3", "SELECT number, 'm3' FROM numbers(1000000000000) WHERE sipHash64(number) = 1 FORMAT JSON"),
        ("m4", "SELECT number, 'm4' FROM numbers(1000000000000)"),
    ],
)
def test_query_ends_when_its_client_leaves(warehouse: Warehouse, mark: str, sql: str) -> None:
    with query(warehouse, sql):
        wait_until_running(warehouse, mark, running=True)
    wait_until_running(warehouse, mark, running=False)


@pytest.mark.parametrize("session", ["", "&session_id=kept"])
def test_query_with_a_comment_of_its_client_ends_too(warehouse: Warehouse, session: str) -> None:
    if session:
        for sql in ("SET max_threads = 1", "SELECT 1"):
            assert warehouse.post(sql, session_id="kept", log_comment="mine").status == 200
    sql = "SELECT count(), 'm6' FROM numbers(1000000000000)"
    with query(warehouse, sql, f"log_comment=mine{session}"):
        wait_until_running(warehouse, "m6", running=True)
        comment = "SELECT Settings['log_comment'] FROM system.processes WHERE query LIKE '%m6%' LIMIT 1"
        assert warehouse.rows(comment)[0].startswith("mine k2-http-")
    wait_until_running(warehouse, "m6", running=False)


def test_client_that_does_not_read_holds_no_memory(warehouse: Warehouse) -> None:
    process = psutil.Process(warehouse.process.pid)
    before = process.memory_info().rss
    with query(warehouse, "SELECT repeat('m5', 500) FROM numbers(10000000) SETTINGS max_block_size = 1000"):
        wait_until_running(warehouse, "m5", running=True)
        seen = [process.memory_info().rss for _ in range(200) if warehouse.rows("SELECT 1") == ["1"]]
    # All of the answer would be 10 GB.
    assert max(seen) - before < 200_000_000
    wait_until_running(warehouse, "m5", running=False)


def test_more_queries_than_slots_are_refused_after_a_while(warehouse: Warehouse) -> None:
    with ExitStack() as held:
        for _ in range(8):
            holding = held.enter_context(query(warehouse, "SELECT repeat('m7', 500) FROM numbers(100000000)"))
            assert holding.recv(1), "its answer has begun, so it has its slot"
        refused = warehouse.post("SELECT 1")
    assert refused.error_code == 202
    assert "TOO_MANY_SIMULTANEOUS_QUERIES" in refused.text
    wait_until_running(warehouse, "m7", running=False)


def test_more_queries_than_slots_wait_for_their_turn(warehouse: Warehouse) -> None:
    with ThreadPoolExecutor(24) as clients:
        replies = list(clients.map(lambda _: warehouse.post("SELECT sleep(0.05)"), range(24)))
    assert {reply.status for reply in replies} == {200}


def test_silent_clients_take_no_slot(warehouse: Warehouse) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nX-ClickHouse-Key: %s\r\nContent-Length: 99\r\n\r\nSELECT"
    silent = [socket.create_connection(("127.0.0.1", warehouse.port)) for _ in range(20)]
    for connection in silent:
        connection.sendall(head % PASSWORD.encode())
    assert warehouse.rows("SELECT 1") == ["1"]
    for connection in silent:
        connection.close()


def test_requests_that_are_sent_in_a_row_are_answered_in_order(warehouse: Warehouse) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nX-ClickHouse-Key: %s\r\nContent-Length: %d\r\n\r\n%s"
    bodies = [b"SELECT 'number %d'" % number for number in range(20)]
    *first, last = [head % (PASSWORD.encode(), len(body), body) for body in bodies]
    last = last.replace(b"Host: localhost\r\n", b"Host: localhost\r\nConnection: close\r\n")
    answers = warehouse.raw(b"".join([*first, last]), silence_s=60)
    positions = [answers.index(b"number %d\n" % number) for number in range(20)]
    assert positions == sorted(positions)


def test_client_that_sends_requests_in_a_row_may_leave(warehouse: Warehouse) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nX-ClickHouse-Key: %s\r\nContent-Length: 8\r\n\r\nSELECT 1"
    for _ in range(10):
        warehouse.raw(head % PASSWORD.encode() * 50, leave=True)
    assert "Traceback" not in warehouse.stderr_path.read_text()


def test_data_definition_is_done_by_several_clients_at_once(warehouse: Warehouse, database: str) -> None:
    barrier = threading.Barrier(6)

    def define(number: int) -> list[int]:
        barrier.wait(60)
        table = f"{database}.t{number}"
        statements = (
            f"CREATE TABLE {table} (a UInt8) ENGINE = MergeTree ORDER BY a",
            f"INSERT INTO {table} VALUES (1)",
            f"ALTER TABLE {table} ADD COLUMN b String",
            f"RENAME TABLE {table} TO {table}_renamed",
            f"DROP TABLE {table}_renamed",
        )
        return [warehouse.post(statement).status for statement in statements]

    with ThreadPoolExecutor(6) as clients:
        assert list(clients.map(define, range(6))) == [[200] * 5] * 6
