import pytest
from hypothesis import given
from hypothesis import strategies as st

from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.http.statement import read_statement


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (b"SELECT 1", None),
        (b"SELECT 1 FORMAT JSON", "JSON"),
        (b"SELECT 1 format JSON;", "JSON"),
        (b"SELECT 1 FORMAT JSON SETTINGS max_threads = 1", "JSON"),
        (b"SELECT 1 SETTINGS max_threads = 1 FORMAT JSON -- FORMAT CSV", "JSON"),
        (b"SELECT (SELECT 1 FORMAT x), 'FORMAT CSV'", None),
        (b"SELECT t.format x", None),
        (b"SELECT format FROM t", None),
        (b"SELECT a AS format", None),
        (b"SELECT format('{} {}', a, b)", None),
    ],
)
def test_format_is_that_of_the_format_clause(sql: bytes, expected: str | None) -> None:
    assert read_statement(sql).format == expected


@pytest.mark.parametrize(
    ("sql", "is_select", "is_definition", "only_reads", "leaves_state"),
    [
        (b"SELECT 1", True, False, True, False),
        (b"(SELECT 1) UNION ALL (SELECT 2)", True, False, True, False),
        (b"with 1 as a select a", True, False, True, False),
        (b"FROM t SELECT a", True, False, True, False),
        (b"SHOW TABLES", False, False, True, False),
        (b"SET a = 1", False, False, True, True),
        (b"USE x", False, False, True, True),
        (b"CREATE TABLE t (a Int8) ENGINE = Memory", False, True, False, False),
        (b"CREATE TEMPORARY TABLE t (a Int8)", False, True, False, True),
        (b"create or replace temporary table t (a Int8)", False, True, False, True),
        (b"EXCHANGE TABLES a AND b", False, True, False, False),
        (b"INSERT INTO t SELECT 1", False, False, False, False),
        (b"SYSTEM FLUSH LOGS", False, False, False, False),
    ],
)
def test_kind_is_that_of_the_first_word(
    sql: bytes, is_select: bool, is_definition: bool, only_reads: bool, leaves_state: bool
) -> None:
    read = read_statement(sql)
    assert (read.is_select, read.is_definition) == (is_select, is_definition)
    assert (read.only_reads, read.leaves_state) == (only_reads, leaves_state)


@pytest.mark.parametrize(
    ("sql", "sources"),
    [
        (b"SELECT a FROM t", (("", "t"),)),
        (b"FROM k2.t SELECT a", (("k2", "t"),)),
        (b'SELECT * FROM `k 2`.`a b` AS x JOIN "u" USING (a)', (("k 2", "a b"), ("", "u"))),
        (b"SELECT * FROM (SELECT 1 FROM k2 . t)", (("k2", "t"),)),
        (b"INSERT INTO t SELECT * FROM queue WHERE a = 1", (("", "queue"),)),
        (b"SELECT * FROM numbers(3)", ()),
        (b"SELECT * FROM system.f(3)", ()),
        (b"SELECT 'FROM t', extract(a FROM '.')", ()),
        (b"SELECT a -- FROM t", ()),
        (b"SELECT 1 FROM", ()),
    ],
)
def test_sources_are_the_names_after_from_and_join(sql: bytes, sources: tuple[tuple[str, str], ...]) -> None:
    assert read_statement(sql).sources == sources


@pytest.mark.parametrize("sql", [b"SELECT 1;", b"SELECT 1 ; ;; -- x", b"SELECT 1;/* x */\n"])
def test_semicolons_at_the_end_are_cut_off(sql: bytes) -> None:
    assert read_statement(sql).text.strip() == b"SELECT 1"


@pytest.mark.parametrize("sql", [b"SELECT ';'", b"SELECT 1 -- ; SELECT 2", b"SELECT `;`, $$;$$, /* ; */ 1"])
def test_semicolon_within_quotes_or_comments_ends_nothing(sql: bytes) -> None:
    assert read_statement(sql).text == sql


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        (b"", 62),
        (b" ; ", 62),
        (b"SELECT 1; SELECT 2", 62),
        (b"SELECT 1;'", 62),
        (b"1 + 1", 62),
        (b"\xff\xfe", 62),
        (b"'SELECT 1'", 62),
        (b"SELECT 1 INTO OUTFILE 'x'", 358),
        (b"INSERT INTO t FROM INFILE 'x'", 78),
        (b"INSERT INTO t SELECT * FROM input('a Int8')", 48),
        (b"SELECT * FROM pYtHoN (x)", 46),
        (b"SYSTEM SHUTDOWN", 497),
        (b"system /* x */ kill", 497),
    ],
)
def test_statement_that_no_client_may_send_is_refused(sql: bytes, code: int) -> None:
    with pytest.raises(WarehouseError) as refused:
        read_statement(sql)
    assert refused.value.code == code


def test_names_that_look_forbidden_are_allowed() -> None:
    for sql in (b"SELECT outfile, infile, python, kill FROM input", b"SELECT input(1)", b"SYSTEM FLUSH LOGS"):
        assert read_statement(sql).text == sql


def test_statement_that_asks_for_kafka_consumers_is_told() -> None:
    assert read_statement(b"SELECT * FROM system.Kafka_Consumers").names_kafka_consumers
    assert not read_statement(b"SELECT * FROM system.parts").names_kafka_consumers


@given(st.binary(max_size=100))
def test_any_bytes_are_a_statement_or_refused_as_clickhouse_would(sql: bytes) -> None:
    code = None
    try:
        read_statement(sql)
    except WarehouseError as refused:
        code = refused.code
    assert code in (None, 46, 48, 62, 78, 358, 497)
