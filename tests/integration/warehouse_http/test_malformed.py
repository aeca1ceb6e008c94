"""Whatever a client sends, the process lives, answers the next request, and shows no Python."""

from collections.abc import Iterator

import pytest

from tests.integration.warehouse_http.process import PASSWORD, Warehouse, wait_for

KEY = b"Host: localhost\r\nConnection: close\r\nX-ClickHouse-Key: " + PASSWORD.encode() + b"\r\n"
POST = b"POST / HTTP/1.1\r\n" + KEY


def post(body: bytes, *headers: bytes, path: bytes = b"/") -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    return b"POST " + path + b" HTTP/1.1\r\n" + KEY + lines + length + body


REQUESTS = {
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "nothing": b"",
    "half a request line": b"GET /pi",
    "half of the headers": b"GET /ping HTTP/1.1\r\nHost: loc",
    "unknown method": b"BREW / HTTP/1.1\r\n" + KEY + b"\r\n",
    "method without a query": b"DELETE / HTTP/1.1\r\n" + KEY + b"\r\n",
    "negative length": POST + b"Content-Length: -1\r\n\r\nSELECT 1",
    "length that is no number": POST + b"Content-Length: many\r\n\r\nSELECT 1",
    "two lengths": POST + b"Content-Length: 8\r\nContent-Length: 9\r\n\r\nSELECT 1",
    "length and chunks": POST + b"Content-Length: 8\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "huge length": POST + b"Content-Length: 99999999999999999999999\r\n\r\nSELECT 1",
    "chunk size that is no number": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nSELECT 1\r\n0\r\n\r\n",
    "half a chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n8\r\nSEL",
    "less body than announced": POST + b"Content-Length: 100\r\n\r\nSELECT 1",
    "header without a colon": b"POST / HTTP/1.1\r\nnonsense\r\n\r\n",
    "null byte in a header": b"POST / HTTP/1.1\r\nA: \x00\r\n" + KEY + b"\r\n",
    "header of two megabytes": b"POST / HTTP/1.1\r\nA: " + b"x" * 2_000_000 + b"\r\n\r\n",
    "URL of two megabytes": b"GET /?query=" + b"x" * 2_000_000 + b" HTTP/1.1\r\n\r\n",
    "path that is not ASCII": b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
    "URL with broken escapes": post(b"SELECT 1", path=b"/?%ZZ=%&=&&&max_threads=%FF"),
    "URL parameter without a name": post(b"SELECT 1", path=b"/?=1&&="),
    "setting with a null byte": post(b"SELECT 1", path=b"/?max_threads=%00"),
    "time zone with a line end": post(b"SELECT 1", path=b"/?session_timezone=a%0d%0aX:%20y"),
    "parameter with a null byte": post(b"SELECT {a:String}", path=b"/?param_a=%00"),
    "parameter that is not UTF-8": post(b"SELECT {a:String}", path=b"/?param_a=%ff%fe"),
    "database with backticks": post(b"SELECT 1", path=b"/?database=%60%3b%20DROP%20DATABASE%20default"),
    "statement that is not UTF-8": post(b"\xff\xfe\x00\x01"),
    "literal that is not UTF-8": post(b"SELECT '\xff\xfe'"),
    "null bytes": post(b"\x00" * 1000),
    "brackets": post(b"SELECT " + b"(" * 50_000),
    "brackets closed only": post(b")" * 50_000),
    "arrays": post(b"SELECT " + b"[" * 50_000 + b"]" * 50_000),
    "operators": post(b"SELECT " + b"1 + " * 50_000 + b"1", path=b"/?max_query_size=1000000"),
    "minus signs": post(b"SELECT " + b"- " * 50_000 + b"1"),
    "long name": post(b"SELECT " + b"a" * 200_000),
    "unclosed comment": post(b"SELECT 1 /* " + b"x" * 100_000),
    "unclosed heredoc": post(b"SELECT $a$ " + b"x" * 100_000),
    "insert without rows": post(b"INSERT INTO nope"),
    "insert without anything": post(b"INSERT"),
    "insert with an odd format": post(b"INSERT INTO nope FORMAT \xff\xfe\n1"),
    "insert with a quoted format": post(b"INSERT INTO nope FORMAT 'x' 1"),
    "insert from input": post(b"INSERT INTO nope SELECT * FROM input('a Int8') FORMAT TSV\n1\n\nSELECT 1"),
    "half a Native block": post(b"INSERT INTO FUNCTION null('a UInt8') FORMAT Native\n\x01\x05\x01a\x05UInt8\x01"),
    "Native block of 2^60 rows": post(
        b"INSERT INTO FUNCTION null('a String') FORMAT Native\n\x01" + b"\x80" * 8 + b"\x10\x01a\x06String" + b"\x01"
    ),
    "Native block of an unknown type": post(
        b"INSERT INTO FUNCTION null('a UInt8') FORMAT Native\n\x01\x01\x01a\x04Nope\x01"
    ),
    "garbage as Parquet": post(b"INSERT INTO FUNCTION null('a UInt8') FORMAT Parquet\nPAR1" + b"\xff" * 99 + b"PAR1"),
    "garbage as Arrow": post(b"INSERT INTO FUNCTION null('a UInt8') FORMAT Arrow\nARROW1\x00\x00" + b"\xff" * 99),
    "garbage as ORC": post(b"INSERT INTO FUNCTION null('a UInt8') FORMAT ORC\nORC" + b"\xff" * 99),
    "garbage as Avro": post(b"INSERT INTO FUNCTION null('a UInt8') FORMAT Avro\nObj\x01" + b"\xff" * 99),
    "garbage as gzip": post(b"\x1f\x8b\x08garbage", b"Content-Encoding: gzip"),
    "nothing as gzip": post(b"", b"Content-Encoding: gzip"),
    "garbage as lz4": post(b"\x04\x22\x4d\x18garbage", b"Content-Encoding: lz4"),
    "garbage as zstd": post(b"\x28\xb5\x2f\xfdgarbage", b"Content-Encoding: zstd"),
    "unknown encoding": post(b"SELECT 1", b"Content-Encoding: snappy, br\xff"),
    "form without a boundary": post(b"SELECT 1", b"Content-Type: multipart/form-data"),
    "form that is none": post(b"SELECT 1", b"Content-Type: multipart/form-data; boundary=x"),
    "form part without a name": post(
        b"--x\r\nA: b\r\n\r\nc\r\n--x--", b"Content-Type: multipart/form-data; boundary=x"
    ),
    "form without a query": post(b"--x--", b"Content-Type: multipart/form-data; boundary=x"),
    "form with odd bytes": post(
        b'--x\r\nContent-Disposition: form-data; name="\xff"; filename="\xfe"\r\n\r\nc\r\n--x--',
        b"Content-Type: multipart/form-data; boundary=x",
    ),
    "odd Accept-Encoding": post(b"SELECT 1", b"Accept-Encoding: ,;q=,*;q=x,lz4;q=0,\xff"),
    "odd authorization": b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    b"Authorization: Basic \xff\xff\r\n\r\n",
    "session timeout of 5,000 digits": post(b"SELECT 1", path=b"/?session_id=a&session_timeout=" + b"9" * 5_000),
    "queue with a setting of 5,000 digits": post(
        b"CREATE TABLE q (m String) ENGINE = Kafka SETTINGS kafka_broker_list = 'b', kafka_topic_list = 't', "
        b"kafka_group_name = 'g', kafka_format = 'RawBLOB', kafka_max_block_size = '" + b"9" * 5_000 + b"'"
    ),
    "odd session": post(b"SELECT 1", path=b"/?session_id=%00%ff&session_timeout=-1"),
    "websocket": b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n",
    "many requests at once": post(b"SELECT 1") * 50,
    "wrong one among many": post(b"SELECT 1") + b"nonsense\r\n\r\n" + post(b"SELECT 2"),
}


@pytest.fixture(autouse=True)
def alive(warehouse: Warehouse) -> Iterator[None]:
    """After the request the same process answers, and nothing runs any more."""
    yield
    assert warehouse.process.poll() is None
    alone = "SELECT count() = 1 FROM system.processes"
    wait_for(lambda: warehouse.rows(alone) == ["1"], "no query runs any more")


@pytest.mark.parametrize("name", REQUESTS)
def test_malformed_request_is_answered_or_dropped(warehouse: Warehouse, name: str) -> None:
    answer = warehouse.raw(REQUESTS[name])
    assert answer == b"" or answer.startswith(b"HTTP/1.1 "), answer[:200]
    if answer.startswith(b"HTTP/1.1 5"):
        assert b"x-clickhouse-exception-code" in answer.lower(), answer[:200]
    assert b"Traceback" not in answer
    assert b".py" not in answer
    assert b"UNKNOWN_EXCEPTION" not in answer


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_request_that_ends_anywhere_is_dropped(warehouse: Warehouse, cut: int) -> None:
    request = post(b"INSERT INTO FUNCTION null('a UInt8') FORMAT TSV\n" + b"1\n" * 150)
    assert cut < len(request)
    assert b" 200 " not in warehouse.raw(request[:cut], leave=True)


def test_log_shows_no_failure_of_our_own(warehouse: Warehouse) -> None:
    log = warehouse.stderr_path.read_text()
    assert "failed in the HTTP interface itself" not in log
    assert "Traceback" not in log
