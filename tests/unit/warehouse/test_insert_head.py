import pytest
from hypothesis import given
from hypothesis import strategies as st

from k2pipeline.warehouse.http.insert_head import HeadIncomplete, InsertHead, find_insert_head

HEADS = [
    (b"INSERT INTO t (a, b) SETTINGS x = 1 FORMAT Native\n", b"INSERT INTO t (a, b) ", b"SETTINGS x = 1 ", "Native"),
    (b"insert into t values", b"insert into t ", b"", "Values"),
    (b"INSERT INTO k2.`values` (`format`) VALUES", b"INSERT INTO k2.`values` (`format`) ", b"", "Values"),
    (b"INSERT INTO settings.format FORMAT CSV\n", b"INSERT INTO settings.format ", b"", "CSV"),
    (b"INSERT INTO values VALUES", b"INSERT INTO values ", b"", "Values"),
    (b"INSERT INTO {t:Identifier} FORMAT TSV\n", b"INSERT INTO {t:Identifier} ", b"", "TSV"),
    (b"INSERT INTO TABLE t FORMAT TSV\r\n", b"INSERT INTO TABLE t ", b"", "TSV"),
    (b"INSERT INTO t(* EXCEPT(a)) FORMAT TSV \t", b"INSERT INTO t(* EXCEPT(a)) ", b"", "TSV"),
    (b"INSERT INTO FUNCTION f('x FORMAT y') VALUES", b"INSERT INTO FUNCTION f('x FORMAT y') ", b"", "Values"),
    (
        b"/* VALUES */ INSERT INTO t -- FORMAT x\n FORMAT TSV\n",
        b"/* VALUES */ INSERT INTO t -- FORMAT x\n ",
        b"",
        "TSV",
    ),
    (
        b"INSERT INTO t SETTINGS m = {'FORMAT': 'VALUES'} FORMAT TSV\n",
        b"INSERT INTO t ",
        b"SETTINGS m = {'FORMAT': 'VALUES'} ",
        "TSV",
    ),
]


@pytest.mark.parametrize(("sql", "into", "settings", "fmt"), HEADS)
@pytest.mark.parametrize("rows", [b"(1, 'SELECT')", b"\xff\x00;'", b"\n\n1;\n"])
def test_head_ends_where_the_rows_begin(sql: bytes, into: bytes, settings: bytes, fmt: str, rows: bytes) -> None:
    if rows.startswith(b"\n") and not sql.endswith(b"\n") and fmt != "Values":
        rows = rows[1:]
        sql += b"\n"
    assert find_insert_head(sql + rows, complete=True) == InsertHead(into, settings, fmt, len(sql))


@pytest.mark.parametrize(("sql", "_into", "_settings", "_fmt"), HEADS)
@given(data=st.data())
def test_head_is_the_same_however_it_arrives(
    sql: bytes, _into: bytes, _settings: bytes, _fmt: str, data: st.DataObject
) -> None:
    whole = sql + b"1\n2\n"
    cut = data.draw(st.integers(0, len(whole)))
    try:
        early = find_insert_head(whole[:cut], complete=False)
    except HeadIncomplete:
        return
    assert early == find_insert_head(whole, complete=True)


@pytest.mark.parametrize(
    "sql",
    [
        b"",
        b"SELECT 1 FORMAT TSV",
        b"INSERT",
        b"INSERT INTO t",
        b"INSERT INTO t FORMAT",
        b"INSERT INTO t SELECT 1 FORMAT TSV\n1",
        b"INSERT INTO t (a) SELECT * FROM values('a Int8', 1)",
        b"INSERT INTO t WITH 1 AS a SELECT a",
        b"INSERT INTO t (SELECT 1)",
        b"INSERT INTO t FROM INFILE 'x' FORMAT TSV",
        b"INSERT INTO t; SELECT 1 FORMAT TSV",
        b"EXPLAIN INSERT INTO t VALUES (1)",
    ],
)
def test_statement_without_rows_of_its_own_has_no_head(sql: bytes) -> None:
    assert find_insert_head(sql, complete=True) is None


@pytest.mark.parametrize(
    "sql", [b"", b"INS", b"INSERT INTO t FORMAT TS", b"INSERT INTO t FORMAT TSV", b"INSERT INTO 'x"]
)
def test_more_is_asked_for_while_it_could_become_a_head(sql: bytes) -> None:
    with pytest.raises(HeadIncomplete):
        find_insert_head(sql, complete=False)
