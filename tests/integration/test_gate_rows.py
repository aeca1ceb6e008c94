"""What the gate asks of the engine: structures read back, rows compared, causes found, history kept."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from harness.gate.causes import causes
from harness.gate.findings import Databases, row_diffs, row_evidence
from harness.gate.history import HISTORY, Kept, intact, remember
from harness.gate.pauses import longest_pause
from harness.gate.rows import RowDiff, comparable, compare_rows, comparison, keys_in
from harness.gate.snapshot import Query, Snapshot, snapshot
from harness.gate.structure import compare_structures
from k2pipeline.warehouse.engine import Engine, EngineConnection
from k2pipeline.warehouse.errors import WarehouseError

TRADES = """(
    exchange String, symbol String, canonical_symbol String, trade_id String,
    price Decimal(38, 18), quantity Decimal(38, 18), timestamp DateTime64(6, 'UTC'), is_valid Bool,
    source_topic String, source_partition UInt64, source_offset UInt64,
    processed_at DateTime64(6, 'UTC') DEFAULT now64(6), precedence UInt64
) ENGINE = ReplacingMergeTree(precedence) ORDER BY (exchange, symbol, trade_id)"""


class Lab:
    """Two databases, `a` and `b`."""

    def __init__(self, connection: EngineConnection) -> None:
        self.run = connection.execute
        for database in ("a", "b"):
            self.run(f"CREATE DATABASE {database}")

    def query(self, sql: str) -> list[dict[str, str]]:
        answer = self.run(f"SELECT * APPLY(toString) FROM ({sql}\n)", "JSONCompactEachRowWithNames")
        names, *rows = [json.loads(line) for line in answer.splitlines()]
        names = [name.removeprefix("toString(").removesuffix(")") for name in names]
        return [dict(zip(names, ("NULL" if value is None else value for value in row), strict=True)) for row in rows]

    def structure(self, database: str) -> Snapshot:
        return snapshot(self.query, database)

    def compared(self, name: str = "t") -> RowDiff:
        before, after = self.structure("a"), self.structure("b")
        columns = compare_structures(before, after, bool).columns[name]
        pair = before.objects[name], after.objects[name]
        return compare_rows(self.query, comparison(*pair, ("a", "b"), columns, {"processed_at"}, keys_in(before)))

    def trade(self, database: str, number: int, price: str = "1", table: str = "t") -> None:
        at = f"2026-01-01 00:00:0{number}"
        values = f"'x', 'BTCUSD', 'BTC/USD', '{number}', {price}, 2, '{at}', true, 'topic', 0, {number}, 0"
        columns = "* EXCEPT processed_at"
        self.run(f"INSERT INTO {database}.{table} ({columns}) VALUES ({values})")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    engine = Engine(tmp_path)
    connection = engine.connect()
    yield Lab(connection)
    connection.close()
    engine.close()


@pytest.fixture
def trades(lab: Lab) -> Lab:
    for database in ("a", "b"):
        lab.run(f"CREATE TABLE {database}.t {TRADES}")
    return lab


def test_equal_rows_are_identical_whenever_they_were_written(trades: Lab) -> None:
    for database in ("a", "b"):
        trades.trade(database, 1)
    assert trades.compared() == RowDiff("t", 1, 0, 0, 0, 0, 0)


def test_lost_appeared_and_changed_rows_are_counted_and_shown(trades: Lab) -> None:
    for number in (1, 2):
        trades.trade("a", number)
    trades.trade("b", 2, price="1.5")
    trades.trade("b", 3)
    found = trades.compared()
    assert (found.keys, found.lost, found.appeared, found.changed) == (3, 1, 1, 1)
    assert found.columns == {"price": 1}
    assert [row["trade_id"] for row in found.samples["lost"]] == ["1"]
    assert [row["trade_id"] for row in found.samples["appeared"]] == ["3"]
    (change,) = found.samples["changed"]
    assert (change["trade_id"], change["column"], change["before"], change["after"]) == ("2", "price", "1", "1.5")


def test_a_row_that_stands_twice_is_more(lab: Lab) -> None:
    for database in ("a", "b"):
        lab.run(f"CREATE TABLE {database}.t (k UInt8, v UInt8) ENGINE = MergeTree ORDER BY k")
        lab.run(f"INSERT INTO {database}.t VALUES (1, 1)")
    lab.run("INSERT INTO b.t VALUES (1, 1)")
    found = lab.compared()
    assert (found.more, found.fewer, found.changed) == (1, 0, 0)


def test_rows_of_a_wider_type_and_a_renamed_column_are_the_same_rows(lab: Lab) -> None:
    lab.run("CREATE TABLE a.t (k UInt8, price Decimal(38, 18), at DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY k")
    lab.run("CREATE TABLE b.t (k UInt8, rate Decimal(38, 18), at DateTime64(6, 'UTC')) ENGINE = MergeTree ORDER BY k")
    for database in ("a", "b"):
        lab.run(f"INSERT INTO {database}.t VALUES (1, 1.5, '2026-01-01 00:00:00.120')")
    assert lab.compared().is_identical


def test_a_view_without_the_final_that_its_table_needs_is_not_compared(trades: Lab) -> None:
    trades.run("CREATE VIEW a.states AS SELECT * FROM a.t")
    trades.run("CREATE VIEW a.trades AS SELECT * FROM a.t FINAL")
    assert comparable(trades.structure("a")) == {"t", "trades"}


def test_a_structure_does_not_tell_the_database_it_stands_in(trades: Lab) -> None:
    for database in ("a", "b"):
        trades.run(f"CREATE VIEW {database}.v AS SELECT * FROM {database}.t FINAL")
        trades.run(f"CREATE TABLE {database}.n (k UInt8) ENGINE = Null")
        trades.run(f"CREATE MATERIALIZED VIEW {database}.m TO {database}.n AS SELECT 1 AS k FROM {database}.t")
    assert trades.structure("a") == trades.structure("b")
    found = trades.structure("a").objects
    assert found["t"].parts["engine"] == "ReplacingMergeTree(precedence)"
    assert found["t"].key == ("exchange", "symbol", "trade_id")
    assert (found["m"].kind, found["m"].parts["target"]) == ("materialized view", "n")
    assert "FROM t FINAL" in found["v"].parts["query"]


def test_the_trades_behind_a_changed_candle_are_those_that_changed(trades: Lab) -> None:
    for number in (1, 2):
        trades.trade("a", number)
    trades.trade("b", 1)
    candle = {"exchange": "x", "canonical_symbol": "BTC/USD", "window_start": "2026-01-01 00:00:00"}
    change = {**candle, "column": "close_price", "before": "1", "after": "3"}
    (cause,) = causes(trades.query, [change], 60, ("a.t FINAL", "b.t FINAL"))
    assert (cause["trade_id"], cause["why"]) == ("2", "only before")
    trades.trade("b", 2)
    trades.run("INSERT INTO b.t SELECT * EXCEPT precedence REPLACE (3 AS price), 9 FROM b.t WHERE trade_id = '2'")
    (cause,) = causes(trades.query, [change], 60, ("a.t FINAL", "b.t FINAL"))
    assert (cause["trade_id"], cause["why"]) == ("2", "other values")


def test_where_no_trade_changed_those_that_decide_the_candle_are_named(trades: Lab) -> None:
    for database in ("a", "b"):
        trades.trade(database, 1, price="1")
        trades.trade(database, 2, price="2")
        trades.trade(database, 3, price="3")
    change = {"exchange": "x", "canonical_symbol": "BTC/USD", "window_start": "2026-01-01 00:00:00"}
    change |= {"column": "open_price", "before": "1", "after": "3"}
    found = causes(trades.query, [change], 60, ("a.t FINAL", "b.t FINAL"))
    assert [(row["trade_id"], row["why"]) for row in found] == [("1", "decides a value"), ("3", "decides a value")]


def test_a_changed_candle_is_told_even_where_the_columns_of_silver_are_called_otherwise(lab: Lab) -> None:
    candle = "(exchange String, canonical_symbol String, window_start DateTime('UTC'), close_price UInt8)"
    for database, price, renamed in (("a", 1, ""), ("b", 3, "RENAME COLUMN source_topic TO came_by")):
        lab.run(f"CREATE TABLE {database}.silver_trades {TRADES}")
        lab.trade(database, 1, table="silver_trades")
        if renamed:
            lab.run(f"ALTER TABLE {database}.silver_trades {renamed}")
        key = "exchange, canonical_symbol, window_start"
        lab.run(f"CREATE TABLE {database}.ohlcv_1m {candle} ENGINE = MergeTree ORDER BY ({key})")
        lab.run(f"INSERT INTO {database}.ohlcv_1m VALUES ('x', 'BTC/USD', '2026-01-01 00:00:00', {price})")
    before, after = lab.structure("a"), lab.structure("b")
    sides = Databases("a", "b", before, after, compare_structures(before, after, bool))
    query = raising_as_a_client_does(lab)
    (rows,) = [each for each in row_diffs(query, sides, {"processed_at"}, str) if each.object == "ohlcv_1m"]
    (found,) = row_evidence(query, rows, sides)
    assert found.what.startswith("1 of 1 have other values: close_price in 1; causes unavailable: ")
    assert (found.rows[0]["before"], found.rows[0]["after"], found.causes) == ("1", "3", ())


def raising_as_a_client_does(lab: Lab) -> Query:
    """The lab's queries, with the errors of a client instead of the engine's own."""

    def query(sql: str) -> list[dict[str, str]]:
        try:
            return lab.query(sql)
        except WarehouseError as error:
            raise ClickHouseError(str(error)) from error

    return query


PAUSES = [
    ("evenly", (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 1.0),
    ("none during the migration", (0, 1, 2, 3, 8, 9, 10), 5.0),
    ("a long one before it, and a short one", (-20, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 1.0),
    ("never again", (0, 1, 2, 3), 7.0),
    ("taken in after the last was sent", (0, 1, 2, 3, 12), 9.0),
    ("never", (), 6.0),
]


@pytest.mark.parametrize(("_name", "written", "pause_s"), PAUSES, ids=[name for name, _, _ in PAUSES])
def test_a_pause_is_the_longest_time_without_a_write_around_the_migration(
    trades: Lab, _name: str, written: tuple[int, ...], pause_s: float
) -> None:
    """The migration begins at second 4 and ends at 5, and the last trade is sent at 10."""
    start_us = 1_767_225_600 * 10**6
    for number in written:
        trades.run(
            "INSERT INTO a.t (exchange, trade_id, processed_at) "
            f"VALUES ('x', '{number}', fromUnixTimestamp64Micro({start_us + number * 10**6}))"
        )
    times_us = (start_us + 4 * 10**6, start_us + 5 * 10**6, start_us + 10 * 10**6)
    assert longest_pause(trades.query, trades.structure("a"), "a", times_us) == pause_s


def kept(lab: Lab, change: str) -> Kept:
    """What becomes of two remembered trades through a statement."""
    for number in (1, 2):
        lab.trade("a", number)
    before = lab.structure("a")
    remember(lab.run, before, "a")
    lab.trade("a", 3)
    lab.run(change)
    after = lab.structure("a")
    moved = compare_structures(before, after, bool)
    (found,) = intact(lab.query, before, after, moved, "a", frozenset(("processed_at",)))
    lab.run(f"DROP DATABASE {HISTORY} SYNC")
    return found


def test_history_survives_a_rename(trades: Lab) -> None:
    found = kept(trades, "RENAME TABLE a.t TO a.ticks")
    assert (found.rows, found.lost, found.changed, found.is_intact) == (2, 0, 0, True)
    assert found.checksum_before not in ("", "0", "00")


def test_a_deleted_row_of_history_is_lost(trades: Lab) -> None:
    found = kept(trades, "ALTER TABLE a.t DELETE WHERE trade_id = '1' SETTINGS mutations_sync = 2")
    assert (found.rows, found.lost, found.is_intact) == (2, 1, False)


def test_a_bent_row_of_history_is_changed_and_a_newer_state_is_not(trades: Lab) -> None:
    bent = kept(trades, "ALTER TABLE a.t UPDATE price = 9 WHERE trade_id = '1' SETTINGS mutations_sync = 2")
    assert (bent.changed, bent.superseded, bent.is_intact) == (1, 0, False)
    trades.run("TRUNCATE TABLE a.t")
    newer = "INSERT INTO a.t SELECT * EXCEPT precedence REPLACE (9 AS price), 7 FROM a.t WHERE trade_id = '1'"
    found = kept(trades, newer)
    assert (found.changed, found.superseded, found.is_intact) == (0, 1, True)


def test_a_table_that_is_gone_lost_its_history(trades: Lab) -> None:
    found = kept(trades, "DROP TABLE a.t")
    assert (found.rows, found.lost) == (2, 2)
