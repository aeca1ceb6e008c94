"""clickhouse-connect, the pipeline's client, does here what it does on a ClickHouse server."""

import datetime as dt
import ipaddress
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

from tests.integration.warehouse_http.process import PASSWORD, Warehouse, wait_for

Connect = Callable[..., Client]


@pytest.fixture
def connect(warehouse: Warehouse, database: str) -> Iterator[Connect]:
    clients: list[Client] = []

    def connected(**options: Any) -> Client:
        given = {"database": database, "username": "default", "password": PASSWORD, **options}
        client = clickhouse_connect.get_client(host="127.0.0.1", port=warehouse.port, **given)
        clients.append(client)
        return client

    yield connected
    for client in clients:
        client.close()


# Without a zone, as the client gives and takes times in UTC.
moment = dt.datetime.fromisoformat

TYPES = {
    "UInt8": [0, 255],
    "UInt16": [0, 65_535],
    "UInt32": [0, 2**32 - 1],
    "UInt64": [0, 2**64 - 1],
    "UInt128": [0, 2**128 - 1],
    "UInt256": [0, 2**256 - 1],
    "Int8": [-128, 127],
    "Int16": [-(2**15), 2**15 - 1],
    "Int32": [-(2**31), 2**31 - 1],
    "Int64": [-(2**63), 2**63 - 1],
    "Int128": [-(2**127), 2**127 - 1],
    "Float64": [-0.1, 1e300],
    "Bool": [True, False],
    "String": ["", "it's\t\\N\n ü \x00"],
    "LowCardinality(String)": ["BTC/USDT", "ETH/USDT"],
    "LowCardinality(Nullable(String))": ["BTC/USDT", None],
    "FixedString(4)": [b"abcd", b"\x00\xff\x00\xff"],
    "UUID": [uuid.UUID(int=0), uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")],
    "Date": [dt.date(1970, 1, 1), dt.date(2149, 6, 6)],
    "Date32": [dt.date(1900, 1, 1), dt.date(2299, 12, 31)],
    "DateTime": [moment("1970-01-01T00:00:00"), moment("2106-02-07T06:28:15")],
    "DateTime('UTC')": [moment("1970-01-01T00:00:00"), moment("2106-02-07T06:28:15")],
    "DateTime64(3, 'UTC')": [moment("2026-01-01T00:00:00.001000"), moment("1969-12-31T23:59:59.999000")],
    "DateTime64(6, 'UTC')": [moment("2026-01-01T00:00:00.000001"), moment("2299-12-31T23:59:59.999999")],
    "DateTime64(9, 'UTC')": [moment("2026-01-01T00:00:00.000001"), moment("2026-01-01T00:00:00")],
    "Decimal(18, 8)": [Decimal("0.00000001"), Decimal("-9999999999.99999999")],
    "Decimal(38, 18)": [Decimal("0.123456789012345678"), Decimal("-99999999999999999999.999999999999999999")],
    "Decimal(76, 36)": [Decimal("0." + "0" * 35 + "1"), Decimal("-" + "9" * 40 + "." + "9" * 36)],
    "Array(String)": [[], ["a", "b"]],
    "Array(Array(UInt8))": [[], [[1], [], [2, 3]]],
    "Map(String, String)": [{}, {"a": "b", "": "x"}],
    "Nullable(UInt64)": [None, 1],
    "Nullable(Decimal(38, 18))": [None, Decimal("1.5")],
    "Array(Nullable(String))": [[None, "a"], []],
    "Enum8('BUY' = 1, 'SELL' = -2)": ["BUY", "SELL"],
    "Tuple(String, UInt8)": [("a", 1), ("", 0)],
    "Tuple(name String, n UInt8)": [{"name": "a", "n": 1}, {"name": "", "n": 0}],
    "IPv4": [ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv4Address("255.255.255.255")],
}


@pytest.mark.parametrize("type_name", TYPES)
def test_value_of_every_type_comes_back_as_it_went_in(connect: Connect, type_name: str) -> None:
    client, values = connect(), TYPES[type_name]
    client.command(f"CREATE TABLE t (n UInt8, v {type_name}) ENGINE = MergeTree ORDER BY n")
    summary = client.insert("t", list(enumerate(values)), column_names=["n", "v"])
    assert summary.written_rows == len(values)
    assert [row[0] for row in client.query("SELECT v FROM t ORDER BY n").result_rows] == values


@pytest.mark.parametrize("compress", [True, False, "lz4", "zstd", "gzip"])
def test_every_compression_works_both_ways(connect: Connect, compress: bool | str) -> None:
    client = connect(compress=compress)
    rows = [[number, f"text {number}"] for number in range(50_000)]
    client.command("CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    client.insert("t", rows, column_names=["n", "s"])
    assert [list(row) for row in client.query("SELECT n, s FROM t ORDER BY n").result_rows] == rows
    with client.query_rows_stream("SELECT n, s FROM t ORDER BY n") as stream:
        assert [list(row) for row in stream] == rows


def test_insert_of_several_blocks_is_one_insert(connect: Connect) -> None:
    client = connect()
    client.command("CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    context = client.create_insert_context("t", column_names=["n", "s"])
    context.data = [[number, "x" * 100] for number in range(150_000)]
    assert client.insert(context=context).written_rows == 150_000
    assert client.query("SELECT count(), uniqExact(_part) FROM t").result_rows == [(150_000, 1)]


def test_insert_that_fails_in_the_client_inserts_nothing(connect: Connect) -> None:
    client = connect()
    client.command("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
    with pytest.raises(Exception, match="n"):
        client.insert("t", [[1], ["not a number"]], column_names=["n"])
    assert client.command("SELECT count() FROM t") == 0


def test_parameters_are_bound_on_the_server(connect: Connect) -> None:
    parameters = {
        "s": "it's \\ \t\n{x:Int8} ü",
        "t": moment("2026-01-02T03:04:05.678901"),
        "d": Decimal("0.123456789012345678"),
        "l": ["a'b", "c\\d"],
        "n": None,
    }
    sql = "SELECT {s:String}, {t:DateTime64(6, 'UTC')}, {d:Decimal(38, 18)}, {l:Array(String)}, {n:Nullable(String)}"
    for form in (False, True):
        client = connect(form_encode_query_params=form)
        assert client.query(sql, parameters=parameters).result_rows == [tuple(parameters.values())]


def test_query_with_a_very_long_parameter_works_as_a_form(connect: Connect) -> None:
    client = connect(form_encode_query_params=True)
    assert client.query("SELECT length({s:String})", parameters={"s": "x" * 3_000_000}).result_rows == [(3_000_000,)]


def test_empty_result_has_its_columns_in_a_probe(connect: Connect) -> None:
    probe = connect().query("SELECT 1 AS a, 'x' AS b LIMIT 0")
    assert (probe.column_names, [each.name for each in probe.column_types]) == (("a", "b"), ["UInt8", "String"])


def test_error_has_clickhouses_code_and_name(connect: Connect) -> None:
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE") as raised:
        connect().query("SELECT * FROM nope")
    assert (raised.value.code, raised.value.name) == (60, "UNKNOWN_TABLE")


@pytest.mark.parametrize("compress", [True, False])
def test_error_in_the_middle_of_a_stream_is_raised_with_its_code(connect: Connect, compress: bool) -> None:
    client = connect(compress=compress)
    received: list[int] = []

    def read() -> None:
        sql = "SELECT throwIf(number = 900000, 'here') FROM numbers(1000000)"
        with client.query_row_block_stream(sql) as blocks:
            received.extend(map(len, blocks))

    with pytest.raises(StreamFailureError, match="here") as raised:
        read()
    assert raised.value.code == 395
    assert 0 < sum(received) < 1_000_000
    assert client.command("SELECT 1") == 1


def test_stream_that_is_left_early_ends_the_query(connect: Connect, warehouse: Warehouse) -> None:
    client = connect()
    with client.raw_stream("SELECT repeat('x', 1000) FROM numbers(100000000)", fmt="TSV") as stream:
        assert len(stream.read(100_000)) == 100_000
        stream.close()
    running = "SELECT count() FROM system.processes WHERE query LIKE '%100000000)%' AND query NOT LIKE '%processes%'"
    wait_for(lambda: warehouse.rows(running) == ["0"], "the query has ended")


def test_stream_of_arrow_is_one_stream(connect: Connect) -> None:
    table = connect().query_arrow("SELECT number, toString(number) AS s FROM numbers(200000)")
    assert (table.num_rows, table.column_names) == (200_000, ["number", "s"])


def test_setting_of_one_query_is_not_there_in_the_next(connect: Connect) -> None:
    client = connect(settings={"max_block_size": 1234})
    sql = "SELECT getSetting('max_block_size'), getSetting('max_threads') > 60"
    assert client.query(sql, settings={"max_threads": 61}).result_rows == [(1234, True)]
    assert client.query(sql).result_rows == [(1234, False)]


def test_session_keeps_set_and_temporary_tables(connect: Connect) -> None:
    client, other = connect(), connect()
    client.command("SET max_block_size = 777")
    client.command("CREATE TEMPORARY TABLE mine (a UInt8)")
    client.insert("mine", [[1], [2]], column_names=["a"], column_type_names=["UInt8"])
    sql = "SELECT getSetting('max_block_size')"
    assert client.command("SELECT sum(a) FROM mine") == 3
    assert client.command(sql, settings={"max_block_size": 5}) == 5
    assert client.command(sql) == 777
    assert other.command(sql) != 777
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        other.command("SELECT sum(a) FROM mine")


def test_external_data_is_a_table_of_its_query_alone(connect: Connect) -> None:
    client = connect()
    data = ExternalData(
        file_name="mine.csv", data=b'1,a\r\n2,"b,\r\n\r\nc"\r\n', fmt="CSV", structure="n UInt8, s String"
    )
    data.add_file(file_name="more.tsv", data=b"5\t{'a':'b'}\n", types=["UInt8", "Map(String, String)"])
    sql = "SELECT sum(n), max(_1), any(_2['a']) FROM mine CROSS JOIN more"
    assert client.query(sql, external_data=data).result_rows == [(3, 5, "b")]
    assert client.query("SELECT s FROM mine ORDER BY n", external_data=data).result_columns == [["a", "b,\r\n\r\nc"]]
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        client.query("SELECT * FROM mine")


def test_clients_of_many_threads_do_not_disturb_each_other(connect: Connect) -> None:
    connect().command("CREATE TABLE t (client UInt8, n UInt64) ENGINE = MergeTree ORDER BY n")

    def work(number: int) -> int:
        client = connect(settings={"max_block_size": 1000 + number})
        for step in range(10):
            client.insert("t", [[number, step]], column_names=["client", "n"])
            assert client.command("SELECT getSetting('max_block_size')") == 1000 + number
        return int(client.command(f"SELECT count() FROM t WHERE client = {number}"))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(8))) == [10] * 8


def test_raw_insert_of_a_generator_is_streamed(connect: Connect) -> None:
    client = connect()
    client.command("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
    client.raw_insert("t", insert_block=(b"%d\n" % number for number in range(1000)), fmt="TSV")
    assert client.command("SELECT count() FROM t") == 1000


def test_kafka_consumers_can_be_asked_for(connect: Connect) -> None:
    sql = "SELECT table, num_messages_read, num_commits FROM system.kafka_consumers WHERE database = 'k2'"
    assert connect().query(sql).result_rows == []
