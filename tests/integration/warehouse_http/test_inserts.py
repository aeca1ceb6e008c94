"""INSERT over HTTP: rows of any format, from any place, all or nothing."""

import gzip
import http.client
import json
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lz4.frame
import psutil
import pytest
from backports import zstd

from tests.integration.warehouse_http.process import PASSWORD, Warehouse, wait_for


@pytest.fixture
def table(warehouse: Warehouse, database: str) -> str:
    name = f"{database}.t"
    assert warehouse.post(f"CREATE TABLE {name} (a UInt64, s String) ENGINE = MergeTree ORDER BY a").status == 200
    return name


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("", b"INSERT INTO TABLE_ VALUES (1, 'x'), (1 + 1, concat('y', ''));"),
        ("", b"INSERT INTO TABLE_ (s, a) VALUES ('x', 1), ('y', 2)"),
        ("", b"INSERT INTO TABLE_ FORMAT TSV\n1\tx\n2\ty\n"),
        ("", b"INSERT INTO TABLE_ FORMAT TSV\r\n1\tx\n2\ty"),
        ("", b"INSERT INTO TABLE_ FORMAT CSV 1,x\n2,y\n"),
        ("", b"-- a comment; with a semicolon\nINSERT INTO TABLE_ SETTINGS max_threads = 1 FORMAT CSV\n1,x\n2,y\n"),
        ("", b'INSERT INTO TABLE_ FORMAT JSONEachRow {"a":1,"s":"x"} {"a":"2","s":"y"}'),
        ("INSERT INTO TABLE_ FORMAT TSV", b"1\tx\n2\ty\n"),
        ("INSERT INTO TABLE_ FORMAT CSVWithNames", b"s,a\nx,1\ny,2\n"),
        ("INSERT INTO TABLE_ VALUES", b"(1, 'x'), (2, 'y')"),
        ("INSERT INTO TABLE_ (a, s)", b"VALUES (1, 'x'), (2, 'y')"),
        ("INSERT INTO TABLE_ FORMAT RowBinary", b"\x01" + bytes(7) + b"\x01x\x02" + bytes(7) + b"\x01y"),
        ("", b"INSERT INTO TABLE_ SELECT number + 1, ['x', 'y'][number + 1] FROM numbers(2)"),
    ],
)
def test_rows_may_stand_in_url_or_body(warehouse: Warehouse, table: str, url: str, body: bytes) -> None:
    reply = warehouse.post(body.replace(b"TABLE_", table.encode()), query=url.replace("TABLE_", table))
    assert (reply.status, reply.body) == (200, b""), reply.text
    assert json.loads(reply.headers["x-clickhouse-summary"])["written_rows"] == "2"
    assert warehouse.rows(f"SELECT a, s FROM {table} ORDER BY a") == ["1\tx", "2\ty"]


def test_rows_that_look_like_sql_stay_rows(warehouse: Warehouse, table: str) -> None:
    """chDB takes an empty line for the end of inline rows, and would run what follows."""
    values = ["; DROP TABLE x", "", "SELECT 1", "\n\nDROP TABLE x;\n\n", "it's -- no /* comment", "\x00\xff"]
    lines = "".join(json.dumps({"a": number, "s": value}) + "\n\n\n" for number, value in enumerate(values))
    reply = warehouse.post(f"INSERT INTO {table} FORMAT JSONEachRow\n{lines}")
    assert reply.status == 200, reply.text
    found = warehouse.rows(f"SELECT s FROM {table} ORDER BY a FORMAT JSONCompactEachRow")
    assert [json.loads(line)[0] for line in found] == values


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"FORMAT TSV\n1\tx\nz\ty\n", 27),
        (b"FORMAT TSV\n1\tx\n2", 27),
        (b"FORMAT Native\n\x02\x01", 32),
        (b"FORMAT Native\n" + b"\xff" * 1000, 128),
        (b"FORMAT Native\nINTERNAL EXCEPTION WHILE SERIALIZING", None),
        (b"FORMAT Nope\n1", 73),
        (b"VALUES (1, 'x'), (2, 'y", 62),
        (b"VALUES (1, 'x') SELECT 1", 27),
        (b"(nope) VALUES (1)", 16),
        (b'FORMAT JSONEachRow\n{"a":1}\n{"a":', None),
    ],
)
def test_insert_with_broken_rows_inserts_none(warehouse: Warehouse, table: str, body: bytes, code: int | None) -> None:
    reply = warehouse.post(f"INSERT INTO {table} ".encode() + body)
    assert reply.status >= 400
    assert code is None or reply.error_code == code, reply.text
    assert "http_spool" not in reply.text
    assert warehouse.rows(f"SELECT count() FROM {table}") == ["0"]


def test_row_that_a_view_rejects_is_an_error(warehouse: Warehouse, database: str, table: str) -> None:
    """chDB's send_insert answers success here, and the row is in the table but not behind the view."""
    assert (
        warehouse.post(
            f"CREATE MATERIALIZED VIEW {database}.v ENGINE = Memory AS SELECT throwIf(a = 13, 'no') FROM {table}"
        ).status
        == 200
    )
    assert warehouse.post(f"INSERT INTO {table} FORMAT TSV\n12\tx\n").status == 200
    assert warehouse.post(f"INSERT INTO {table} FORMAT TSV\n13\tx\n").error_code == 395
    assert warehouse.rows(f"SELECT count() FROM {database}.v") == ["1"]


def test_row_that_a_constraint_rejects_is_an_error(warehouse: Warehouse, database: str) -> None:
    """chDB's send_insert answers success here, and the row is nowhere."""
    assert (
        warehouse.post(f"CREATE TABLE {database}.c (a UInt8, CONSTRAINT small CHECK a < 10) ENGINE = Memory").status
        == 200
    )
    assert warehouse.post(f"INSERT INTO {database}.c FORMAT TSV\n13\n").error_code == 469


def _zlib_raw(data: bytes) -> bytes:
    return zlib.compress(data)


def _many_frames(data: bytes) -> bytes:
    return b"".join(lz4.frame.compress(data[start : start + 1000]) for start in range(0, len(data), 1000))


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", _zlib_raw),
        ("zstd", zstd.compress),
        ("lz4", lz4.frame.compress),
        ("lz4", _many_frames),
        ("identity", bytes),
    ],
)
def test_body_may_be_compressed(
    warehouse: Warehouse, table: str, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    lines = b"".join(b"%d\tx%d\n" % (number, number) for number in range(20_000))
    body = compress(f"INSERT INTO {table} FORMAT TSV\n".encode() + lines)
    reply = warehouse.post(body, {"Content-Encoding": encoding})
    assert reply.status == 200, reply.text
    assert warehouse.rows(f"SELECT count(), sum(a) FROM {table}") == ["20000\t199990000"]


@pytest.mark.parametrize(
    ("encoding", "code", "compress"),
    [
        ("gzip", 354, gzip.compress),
        ("zstd", 561, zstd.compress),
        ("lz4", 618, lz4.frame.compress),
    ],
)
@pytest.mark.parametrize("damage", ["cut", "garbage", "garbage after"])
def test_compressed_body_that_is_damaged_inserts_nothing(
    warehouse: Warehouse, table: str, encoding: str, code: int, compress: Callable[[bytes], bytes], damage: str
) -> None:
    body = compress(f"INSERT INTO {table} FORMAT TSV\n".encode() + b"1\tx\n" * 5000)
    damaged = {"cut": body[:-9], "garbage": b"\x00garbage" * 99, "garbage after": body + b"garbage" * 9}[damage]
    reply = warehouse.post(damaged, {"Content-Encoding": encoding})
    assert reply.error_code == code, reply.text
    assert warehouse.rows(f"SELECT count() FROM {table}") == ["0"]


def test_unknown_content_encoding_is_refused(warehouse: Warehouse) -> None:
    reply = warehouse.post("SELECT 1", {"Content-Encoding": "br"})
    assert (reply.status, reply.error_code) == (415, 779)
    assert "gzip" in reply.text


def test_chunked_body_is_one_insert(warehouse: Warehouse, table: str) -> None:
    connection = warehouse.connection()
    chunks = [f"INSERT INTO {table} FOR".encode(), b"MAT TS", b"V\n", *(b"%d\tx\n" % n for n in range(100))]
    connection.request("POST", "/", iter(chunks), {"X-ClickHouse-Key": PASSWORD.encode()})
    assert connection.getresponse().read() == b""
    connection.close()
    assert warehouse.rows(f"SELECT count(), uniqExact(_part) FROM {table}") == ["100\t1"]


def test_large_insert_needs_no_memory_of_its_size(warehouse: Warehouse, table: str) -> None:
    process = psutil.Process(warehouse.process.pid)
    line = b"1\t" + b"x" * 10_000 + b"\n"
    body = (line * 100 for _ in range(150))
    before, peak = process.memory_info().rss, 0

    def watched() -> object:
        nonlocal peak
        for chunk in body:
            peak = max(peak, process.memory_info().rss)
            yield chunk

    connection = warehouse.connection()
    path = "/?query=INSERT+INTO+FUNCTION+null('a+UInt64,s+String')+FORMAT+TSV"
    connection.request("POST", path, watched(), {"X-ClickHouse-Key": PASSWORD.encode()})
    assert connection.getresponse().status == 200
    connection.close()
    # 150 MB were sent; while they were, the process grew by a batch or two.
    assert peak - before < 40_000_000


def test_client_that_falls_silent_in_its_body_is_given_up(warehouse: Warehouse, table: str) -> None:
    head = _head(f"INSERT INTO {table} FORMAT TSV\n1\tx\n2\ty\n".encode(), declared=1000)
    connection = warehouse.connection()
    connection.connect()
    assert connection.sock is not None
    connection.sock.sendall(head)
    response = http.client.HTTPResponse(connection.sock)
    response.begin()
    text = response.read().decode()
    assert (response.status, response.getheader("X-ClickHouse-Exception-Code")) == (503, "209"), text
    connection.close()
    assert warehouse.rows(f"SELECT count() FROM {table}") == ["0"]


def test_client_that_leaves_in_its_body_inserts_nothing(warehouse: Warehouse, table: str, tmp_path: Path) -> None:
    head = _head(f"INSERT INTO {table} FORMAT TSV\n1\tx\n2\ty\n".encode(), declared=1000)
    assert warehouse.raw(head, leave=True) == b""
    assert warehouse.rows(f"SELECT count() FROM {table}") == ["0"]
    spool = warehouse.stderr_path.parent / "data" / "http_spool"
    wait_for(lambda: not list(spool.iterdir()), "the rows are no longer kept")


def test_inserts_of_many_clients_at_once_are_all_there(warehouse: Warehouse, table: str) -> None:
    def insert(number: int) -> int:
        return warehouse.post(f"INSERT INTO {table} VALUES ({number}, 'x')").status

    with ThreadPoolExecutor(20) as clients:
        statuses = list(clients.map(insert, range(100)))
    assert set(statuses) == {200}
    assert warehouse.rows(f"SELECT count(), sum(a) FROM {table}") == ["100\t4950"]


def _head(body: bytes, declared: int) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: localhost\r\nX-ClickHouse-Key: %s\r\nContent-Length: %d\r\n\r\n%s" % (
        PASSWORD.encode(),
        declared,
        body,
    )
