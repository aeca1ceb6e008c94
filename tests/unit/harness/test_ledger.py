"""The ledger file: complete, in order, readable however a run ends."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from harness.ledger import SCHEMA, Entry, Group, Ledger

TOPIC = "market.crypto.trades.binance"


def entry(number: int, topic: str | None = TOPIC, faults: tuple[str, ...] = (), owed: bool = True) -> Entry:
    return Entry("binance", "BTCUSDT", "trade", 10 + number, 20 + number, topic, 1, faults, owed, b"\xff%d" % number)


def test_a_row_holds_what_was_sent_and_where_it_landed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.parquet"
    with Ledger(path) as ledger:
        group, position = ledger.row(entry(0, faults=("duplicate", "late")), 30)
        group.acknowledge(position, 3, 2**40, 40)
        ledger.row(entry(1, topic=None, faults=("gap",), owed=False), None)
        ledger.row(entry(2), 32)
    assert pq.read_schema(path).equals(SCHEMA)
    common = {"exchange": "binance", "symbol": "BTCUSDT", "kind": "trade", "trades": 1}
    unknown = {"acked_ns": None, "partition": None, "offset": None}
    assert pl.read_parquet(path).to_dicts() == [
        {
            **common,
            "seq": 0,
            "recv_ns": 10,
            "scheduled_ns": 20,
            "sent_ns": 30,
            "acked_ns": 40,
            "topic": TOPIC,
            "partition": 3,
            "offset": 2**40,
            "faults": ["duplicate", "late"],
            "owed": True,
            "frame": b"\xff0",
        },
        {
            **common,
            **unknown,
            "seq": 1,
            "recv_ns": 11,
            "scheduled_ns": 21,
            "sent_ns": None,
            "topic": None,
            "faults": ["gap"],
            "owed": False,
            "frame": b"\xff1",
        },
        {
            **common,
            **unknown,
            "seq": 2,
            "recv_ns": 12,
            "scheduled_ns": 22,
            "sent_ns": 32,
            "topic": TOPIC,
            "faults": [],
            "owed": True,
            "frame": b"\xff2",
        },
    ]


def test_polars_reads_the_columns_as_their_plain_types(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l.parquet") as ledger:
        ledger.row(entry(0), 30)
    schema = pl.read_parquet_schema(tmp_path / "l.parquet")
    assert list(schema) == SCHEMA.names
    assert {name: kind for name, kind in schema.items() if kind != pl.Int64} == {
        "exchange": pl.String,
        "symbol": pl.String,
        "kind": pl.String,
        "topic": pl.String,
        "partition": pl.Int32,
        "trades": pl.Int32,
        "faults": pl.List(pl.String),
        "owed": pl.Boolean,
        "frame": pl.Binary,
    }


def test_rows_are_written_in_order_as_soon_as_they_are_settled_and_kept_until_then(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l.parquet", group_rows=10) as ledger:
        rows = [ledger.row(entry(number), 100 + number) for number in range(35)]
        for number in reversed(range(35)):
            if number != 4:
                rows[number][0].acknowledge(rows[number][1], 0, number, 200)
        ledger.write_settled()
        assert ledger.waiting_rows == 35  # row 4 holds the first group, and order holds the rest
        assert [seq for seq, _ in ledger.unsettled()] == [4]
        rows[4][0].acknowledge(rows[4][1], 0, 4, 300)
        ledger.write_settled()
        assert ledger.waiting_rows == 5
    table = pl.read_parquet(tmp_path / "l.parquet")
    assert table["seq"].to_list() == table["offset"].to_list() == list(range(35))
    assert pq.read_metadata(tmp_path / "l.parquet").num_row_groups == 4


def test_a_frame_that_is_never_sent_holds_nothing_up(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l.parquet", group_rows=4) as ledger:
        for number in range(40):
            ledger.row(entry(number, topic=None), None)
        assert ledger.waiting_rows <= 8


def test_large_frames_make_smaller_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.ledger.GROUP_FRAME_BYTES", 10)
    with Ledger(tmp_path / "l.parquet", group_rows=1000) as ledger:
        for number in range(100):
            ledger.row(entry(number, topic=None), None)
    assert pq.read_metadata(tmp_path / "l.parquet").num_row_groups > 10
    assert pl.read_parquet(tmp_path / "l.parquet")["seq"].to_list() == list(range(100))


def test_a_ledger_without_rows_is_readable(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l.parquet"):
        pass
    assert pl.read_parquet(tmp_path / "l.parquet").height == 0


def test_a_run_that_breaks_leaves_a_readable_ledger(tmp_path: Path) -> None:
    def fail() -> None:
        with Ledger(tmp_path / "l.parquet", group_rows=10) as ledger:
            for number in range(25):
                ledger.row(entry(number), 100)
            raise RuntimeError("the run broke")

    with pytest.raises(RuntimeError, match="the run broke"):
        fail()
    table = pl.read_parquet(tmp_path / "l.parquet")
    assert table["seq"].to_list() == list(range(25))
    assert table["offset"].null_count() == 25


@pytest.mark.parametrize("rows", [5, 1000], ids=["at the end", "on the way"])
def test_a_disk_that_refuses_is_an_error_and_not_a_short_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    def full(group: Group) -> None:
        raise OSError(28, "No space left on device")

    def run() -> None:
        with Ledger(tmp_path / "l.parquet", group_rows=10) as ledger:
            monkeypatch.setattr(Group, "table", full)
            for number in range(rows):
                ledger.row(entry(number, topic=None), None)

    with pytest.raises(OSError, match="No space left"):
        run()
