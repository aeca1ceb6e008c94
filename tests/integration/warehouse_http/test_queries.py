"""Statements over HTTP: where they may stand, what they may set, how answers and errors look."""

import http.client
import json

import pytest

from tests.integration.warehouse_http.process import PASSWORD, Warehouse


def test_query_in_the_url_is_answered_to_get(warehouse: Warehouse) -> None:
    reply = warehouse.get(query="SELECT 1, 'a'")
    assert (reply.status, reply.body) == (200, b"1\ta\n")


def test_query_in_the_body_is_answered_to_post(warehouse: Warehouse) -> None:
    assert warehouse.post("SELECT 1;").body == b"1\n"


def test_query_may_begin_in_the_url_and_go_on_in_the_body(warehouse: Warehouse) -> None:
    assert warehouse.post("1 + 1", query="SELECT").body == b"2\n"


def test_get_may_not_write(warehouse: Warehouse, database: str) -> None:
    reply = warehouse.get(query="CREATE TABLE t (a UInt8) ENGINE = Memory", database=database)
    assert reply.error_code == 164
    assert warehouse.rows(f"SHOW TABLES FROM {database}") == []


@pytest.mark.parametrize("loosened", ["0", "00", "false", ""])
def test_get_may_not_loosen_itself(warehouse: Warehouse, loosened: str) -> None:
    reply = warehouse.get(query="CREATE DATABASE never", readonly=loosened)
    assert reply.error_code == 164, reply.text
    assert warehouse.get(query="CREATE DATABASE never SETTINGS readonly = 0").status >= 400
    assert warehouse.rows("SHOW DATABASES LIKE 'never'") == []


def test_get_may_change_settings_for_itself(warehouse: Warehouse) -> None:
    assert warehouse.get(query="SELECT getSetting('max_threads')", max_threads="3").body == b"3\n"


@pytest.mark.parametrize(
    ("sql", "parameters", "headers", "expected_format", "expected_body"),
    [
        ("SELECT 1 AS a", {}, {}, "TabSeparated", b"1\n"),
        ("SELECT 1 AS a FORMAT JSONEachRow", {}, {}, "JSONEachRow", b'{"a":1}\n'),
        ("SELECT 1 AS a FORMAT CSVWithNames SETTINGS max_threads = 1", {}, {}, "CSVWithNames", b'"a"\n1\n'),
        ("SELECT 1 AS a", {"default_format": "Values"}, {}, "Values", b"(1)"),
        ("SELECT 1 AS a", {}, {"X-ClickHouse-Format": "CSV"}, "CSV", b"1\n"),
        ("SELECT 1 AS a FORMAT TSV", {"default_format": "Values"}, {}, "TSV", b"1\n"),
        ("SHOW DATABASES LIKE 'default'", {"default_format": "CSV"}, {}, "CSV", b'"default"\n'),
    ],
)
def test_format_is_that_of_the_statement_or_else_of_the_request(
    warehouse: Warehouse,
    sql: str,
    parameters: dict[str, str],
    headers: dict[str, str],
    expected_format: str,
    expected_body: bytes,
) -> None:
    reply = warehouse.post(sql, headers, **parameters)
    assert (reply.headers.get("x-clickhouse-format"), reply.body) == (expected_format, expected_body)


@pytest.mark.parametrize("fmt", ["TabSeparatedWithNames", "JSON", "JSONCompact", "Parquet", "ArrowStream", "Values"])
def test_format_with_head_or_foot_has_it_once_over_many_blocks(warehouse: Warehouse, fmt: str) -> None:
    warehouse_side = warehouse.post(f"SELECT number FROM numbers(300000) FORMAT {fmt}")
    again = warehouse.post(warehouse_side.body, query=f"INSERT INTO FUNCTION null('number UInt64') FORMAT {fmt}")
    assert again.status == 200, again.text
    assert json.loads(again.headers["x-clickhouse-summary"])["written_rows"] == "300000"


def test_parameters_are_bound_by_the_engine(warehouse: Warehouse) -> None:
    reply = warehouse.post(
        "SELECT {a:UInt8} + 1, {s:String}, {n:Nullable(String)}, {d:Decimal(38, 18)}, {l:Array(String)}",
        param_a="41",
        param_s="it's; DROP \\n TABLE",
        param_n="\\N",
        param_d="0.123456789012345678",
        param_l="['x','y']",
    )
    assert reply.text == "42\tit\\'s; DROP \\n TABLE\t\\N\t0.123456789012345678\t['x','y']\n"


def test_identifiers_are_bound_too(warehouse: Warehouse, database: str) -> None:
    warehouse.rows("CREATE TABLE {t:Identifier} (a UInt8) ENGINE = Memory", database=database, param_t="odd name")
    inserted = warehouse.post("INSERT INTO {t:Identifier} VALUES (7)", database=database, param_t="odd name")
    assert inserted.status == 200, inserted.text
    assert warehouse.rows("SELECT a FROM `odd name`", database=database) == ["7"]


def test_database_of_the_request_is_the_current_one(warehouse: Warehouse, database: str) -> None:
    assert warehouse.rows("SELECT currentDatabase()", database=database) == [database]
    reply = warehouse.post("SELECT currentDatabase()", {"X-ClickHouse-Database": database})
    assert reply.text == f"{database}\n"
    assert warehouse.rows("SELECT currentDatabase()") == ["default"]


def test_settings_of_a_request_are_gone_in_the_next(warehouse: Warehouse) -> None:
    sql = "SELECT getSetting('max_block_size'), getSetting('session_timezone')"
    before = warehouse.rows(sql)
    assert warehouse.rows(sql, max_block_size="17", session_timezone="Asia/Tokyo") == ["17\tAsia/Tokyo"]
    assert warehouse.post("SET max_block_size = 18").status == 200
    assert warehouse.post("USE system").status == 200
    assert warehouse.rows(sql) == before
    assert warehouse.rows("SELECT currentDatabase()") == ["default"]


def test_times_are_utc(warehouse: Warehouse) -> None:
    reply = warehouse.post("SELECT timezone(), serverTimezone(), toDateTime(0)")
    assert reply.text == "UTC\tUTC\t1970-01-01 00:00:00\n"
    assert reply.headers["x-clickhouse-timezone"] == "UTC"


def test_answer_says_what_was_read_and_returned(warehouse: Warehouse) -> None:
    reply = warehouse.post("SELECT number FROM numbers(1000) WHERE number % 100 = 0", query_id="an-id-1")
    summary = json.loads(reply.headers["x-clickhouse-summary"])
    assert (summary["read_rows"], summary["result_rows"]) == ("1000", "10")
    assert int(summary["elapsed_ns"]) > 0
    assert reply.headers["x-clickhouse-query-id"] == "an-id-1"
    assert reply.headers["x-clickhouse-server-display-name"]


def test_every_answer_has_a_query_id_of_its_own(warehouse: Warehouse) -> None:
    ids = {warehouse.post("SELECT 1").headers["x-clickhouse-query-id"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("sql", "status", "code", "name"),
    [
        ("SELECT nope", 404, 47, "UNKNOWN_IDENTIFIER"),
        ("SELECT * FROM nope", 404, 60, "UNKNOWN_TABLE"),
        ("SELECT * FROM nope.nope", 404, 81, "UNKNOWN_DATABASE"),
        ("INSERT INTO nope VALUES (1)", 404, 60, "UNKNOWN_TABLE"),
        ("SELECT nope(1)", 404, 46, "UNKNOWN_FUNCTION"),
        ("SELECT 1 FORMAT Nope", 404, 73, "UNKNOWN_FORMAT"),
        ("SELECT 1 SETTINGS nope = 1", 404, 115, "UNKNOWN_SETTING"),
        ("SELECTT 1", 400, 62, "SYNTAX_ERROR"),
        ("1 + 1", 400, 62, "SYNTAX_ERROR"),
        ("", 400, 62, "SYNTAX_ERROR"),
        ("-- nothing\n;", 400, 62, "SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", 400, 62, "SYNTAX_ERROR"),
        ("SELECT 'unclosed", 400, 62, "SYNTAX_ERROR"),
        ("SELECT {a:UInt8}", 500, 456, "UNKNOWN_QUERY_PARAMETER"),
        ("SELECT throwIf(1)", 500, 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("SELECT toUInt8('x')", 400, 6, "CANNOT_PARSE_TEXT"),
        ("SELECT sleep(3) SETTINGS max_execution_time = 1", 408, 159, "TIMEOUT_EXCEEDED"),
        ("CREATE TABLE t (a UInt8) ENGINE = Memory SETTINGS readonly = 1", 500, 164, "READONLY"),
        ("SELECT 1 INTO OUTFILE 'x'", 500, 358, "INTO_OUTFILE_NOT_ALLOWED"),
        ("INSERT INTO t FROM INFILE '/etc/hostname' FORMAT CSV", 404, 78, "UNKNOWN_TYPE_OF_QUERY"),
        ("SELECT * FROM Python(x)", 404, 46, "UNKNOWN_FUNCTION"),
        ("SYSTEM SHUTDOWN", 403, 497, "ACCESS_DENIED"),
        ("SYSTEM KILL", 403, 497, "ACCESS_DENIED"),
    ],
)
def test_error_is_shaped_like_clickhouses(warehouse: Warehouse, sql: str, status: int, code: int, name: str) -> None:
    reply = warehouse.post(sql)
    assert (reply.status, reply.error_code) == (status, code), reply.text
    assert reply.text.startswith(f"Code: {code}. DB::Exception: ")
    assert reply.text.endswith(f" ({name}) (version 26.9.2.1 (official build))\n")
    assert "Traceback" not in reply.text


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ({"nope": "1"}, 404, 115),
        ({"max_threads": "many"}, 400, 27),
        ({"a-b; DROP": "1"}, 404, 115),
        ({"database": "nope"}, 404, 81),
        ({"default_format": "No pe"}, 404, 73),
        ({"query_id": "a\r\nX-Evil: 1"}, 400, 36),
        ({"query_id": "ü"}, 400, 36),
        ({"session_id": "s", "session_timeout": "soon"}, 500, 374),
        ({"session_id": "s", "session_timeout": "999999"}, 500, 374),
        ({"session_id": "unknown", "session_check": "1"}, 500, 372),
        ({"compress": "1"}, 501, 48),
        ({"decompress": "1"}, 501, 48),
        ({"role": "admin"}, 404, 511),
    ],
)
def test_parameter_that_cannot_be_honoured_is_refused(
    warehouse: Warehouse, parameters: dict[str, str], status: int, code: int
) -> None:
    reply = warehouse.post("SELECT 1", **parameters)
    assert (reply.status, reply.error_code) == (status, code), reply.text
    assert "x-evil" not in reply.headers


@pytest.mark.parametrize("readonly", ["1", "2"])
def test_readonly_request_may_only_read(warehouse: Warehouse, database: str, readonly: str) -> None:
    settings = {"readonly": readonly, "max_block_size": "99", "database": database}
    assert warehouse.post("CREATE TABLE t (a UInt8) ENGINE = Memory", **settings).error_code == 164
    assert warehouse.rows("SELECT getSetting('max_block_size')", **settings) == ["99"]


def test_query_longer_than_the_limit_is_refused(warehouse: Warehouse) -> None:
    reply = warehouse.post(b"SELECT '" + b"x" * (17 * 1024 * 1024) + b"'")
    assert (reply.status, reply.error_code) == (413, 229)


def test_statement_may_be_as_long_as_max_query_size_says(warehouse: Warehouse) -> None:
    sql = "SELECT length('" + "x" * 300_000 + "')"
    assert warehouse.post(sql).error_code == 62
    assert warehouse.rows(sql, max_query_size="1000000") == ["300000"]


def test_answer_that_fails_in_the_middle_breaks_off_with_the_error(warehouse: Warehouse) -> None:
    sql = b"SELECT throwIf(number = 900000, 'here') FROM numbers(1000000) SETTINGS max_block_size = 10000"
    connection = warehouse.connection()
    connection.request("POST", "/", sql, {"X-ClickHouse-Key": PASSWORD.encode()})
    response = connection.getresponse()
    with pytest.raises(http.client.IncompleteRead) as broken:
        response.read()
    connection.close()
    received, tag = broken.value.partial.decode(), response.getheader("X-ClickHouse-Exception-Tag")
    assert response.status == 200
    assert f"\r\n__exception__\r\n{tag}\r\nCode: 395. DB::Exception: here" in received
    assert received.endswith(f" {tag}\r\n__exception__\r\n")


def test_answer_that_fails_in_the_middle_is_an_error_if_the_client_waits_for_its_end(
    warehouse: Warehouse,
) -> None:
    reply = warehouse.post("SELECT throwIf(number = 900000) FROM numbers(1000000)", wait_end_of_query="1")
    assert (reply.status, reply.error_code) == (500, 395)


def test_engine_counts_no_connection_of_a_request_that_ended(warehouse: Warehouse) -> None:
    for _ in range(50):
        warehouse.post("SELECT nope")
    assert warehouse.rows("SELECT count() FROM system.processes") == ["1"]
