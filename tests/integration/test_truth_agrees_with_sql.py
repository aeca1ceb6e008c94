"""docs/meaning.md has two readers that share no line: sql/ and harness/truth. Here both read the same frames.

Of the frames in frame_cases.py the outcome stands there by hand. Of them, and of some thousand odd frames that nobody
judged by hand, every field of bronze, silver and dead letters must be the same on both sides. Not compared: candles,
which have their own tests, and what only one side can know (when the warehouse wrote a row).
"""

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import chdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from harness.ledger import SCHEMA
from harness.truth import EXCHANGES, compute, load
from tests.integration.frame_cases import CASES, Case
from tests.integration.odd_frames import Mint
from tests.integration.sql.conftest import RECV_NS, Schema
from tests.integration.sql.test_binance import trade

ONE_SIDED: Final = frozenset({"ingested_at", "processed_at", "seq"})
ODD_FRAMES: Final = 400  # of each exchange, in each of a test's examples

Rows: TypeAlias = dict[tuple[str, int, int], dict[str, Any]]
"""By table (letters by layer), offset and place in the frame; numbers as their text, frames in letters as hex."""


@dataclass(frozen=True)
class Both:
    """What both sides made of frames, which stand here by offset."""

    frames: Mapping[int, bytes]
    sql: Rows
    truth: Rows

    def differences(self) -> list[str]:
        """Every row that is not the same on both sides, with its frame."""
        return [
            f"{place} of {self.frames[place[1]][:800]!r}: (sql, truth) is {differing}"
            for place in sorted(self.sql.keys() | self.truth.keys())
            if (differing := self._differing(self.sql.get(place, {}), self.truth.get(place, {})))
        ]

    @staticmethod
    def _differing(sql: Mapping[str, Any], truth: Mapping[str, Any]) -> dict[str, tuple[object, object]]:
        pairs = {name: (sql.get(name, "nothing"), truth.get(name, "nothing")) for name in sql.keys() | truth.keys()}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


class Readers:
    """The schema on its engine, and the truth written beside it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.schema = Schema(directory / "warehouse")
        self._connection = chdb.connect(str(directory / "warehouse"))

    def read(self, sent: Mapping[str, Sequence[bytes]]) -> Both:
        """What becomes of frames by exchange; the warehouse has no others. One insert for each exchange."""
        for table in ("silver_trades", "dead_letters", *(f"bronze_trades_{exchange}" for exchange in EXCHANGES)):
            self.command(f"TRUNCATE TABLE k2.{table}")
        frames: dict[int, bytes] = {}
        ledger: list[dict[str, Any]] = []
        for exchange, batch in sent.items():
            first = self.schema.feed(exchange, batch)
            frames |= dict(enumerate(batch, first))
            ledger += [_ledger_row(exchange, offset, frame) for offset, frame in enumerate(batch, first)]
        path = self._directory / "ledger.parquet"
        pq.write_table(pa.Table.from_pylist(ledger, schema=SCHEMA), path)
        load(compute(path), self)
        return Both(frames, self._rows("k2", " FINAL"), self._rows("k2_truth"))

    def command(self, cmd: str) -> None:
        self._connection.query(cmd)

    def insert_arrow(self, table: str, arrow_table: pa.Table, database: str) -> None:
        path = self._directory / "rows.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, arrow_table.schema) as writer:
            writer.write_table(arrow_table)
        self.command(f"INSERT INTO {database}.{table} FROM INFILE '{path}' FORMAT Arrow")

    def close(self) -> None:
        self._connection.close()
        self.schema.close()

    def _rows(self, database: str, final: str = "") -> Rows:
        found: Rows = {}
        for exchange in EXCHANGES:
            for row in self.schema.rows(f"SELECT * FROM {database}.bronze_trades_{exchange}{final}"):
                found["bronze", int(row["_offset"]), int(row["trade_index"])] = _two_sided(row)
        for row in self.schema.rows(f"SELECT * FROM {database}.silver_trades{final}"):
            found["silver", int(row["source_offset"]), int(row["source_index"])] = _two_sided(row)
        message = "if(layer = 'bronze', hex(message), message) AS message"
        for row in self.schema.rows(f"SELECT * REPLACE ({message}) FROM {database}.dead_letters{final}"):
            said = {"message": json.loads(row["message"])} if row["layer"] == "silver" else {}
            found[f"{row['layer']} letter", int(row["_offset"]), int(row["trade_index"])] = _two_sided(row | said)
        return found


def _two_sided(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ONE_SIDED}


def _ledger_row(exchange: str, offset: int, frame: bytes) -> dict[str, Any]:
    where = {"topic": "topic", "partition": 0, "offset": offset, "exchange": exchange, "symbol": "key"}
    times = {"recv_ns": RECV_NS, "scheduled_ns": 1, "sent_ns": 2, "acked_ns": 3}
    return {"seq": offset, **where, **times, "kind": "trade", "trades": 1, "owed": True, "faults": [], "frame": frame}


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readers]:
    made = Readers(tmp_path_factory.mktemp("readers"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def cases(readers: Readers) -> Both:
    """All cases, read at once."""
    return readers.read({exchange: [case.frame for case in each] for exchange, each in CASES.items()})


@pytest.mark.parametrize("case", [*itertools.chain(*CASES.values())], ids=lambda case: case.name)
def test_frame_becomes_what_its_meaning_is(cases: Both, case: Case) -> None:
    (offset,) = [offset for offset, frame in cases.frames.items() if frame == case.frame]
    for rows in (cases.sql, cases.truth):
        found = {(table, index): row for (table, at, index), row in rows.items() if at == offset}
        if case.reason:
            assert [(table, row["reason"]) for (table, _), row in found.items()] == [("bronze letter", case.reason)]
            assert bytes.fromhex(found["bronze letter", 0]["message"]) == case.frame
            continue
        assert Counter(table for table, _ in found)["bronze"] == len(case.bronze)
        for index, (bronze, silver) in enumerate(zip(case.bronze, case.silver, strict=True)):
            assert found["bronze", index] == found["bronze", index] | bronze
            if isinstance(silver, str):
                assert found["silver letter", index]["reason"] == silver
                assert ("silver", index) not in found
            else:
                assert found["silver", index] == found["silver", index] | silver
                assert ("silver letter", index) not in found


def test_both_sides_agree_on_every_field_of_the_cases(cases: Both) -> None:
    assert cases.differences() == []


@settings(max_examples=3, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(seed=st.integers(0, 2**32 - 1))
def test_both_sides_agree_on_every_field_of_odd_frames(readers: Readers, seed: int) -> None:
    mint = Mint(seed)
    made = {"binance": mint.binance, "kraken": mint.kraken}
    both = readers.read({name: [strike() for _ in range(ODD_FRAMES)] for name, strike in made.items()})
    assert both.differences() == []
    # Odd, but not so odd that nothing passes: every table has its share.
    shares = Counter(table for table, _, _ in both.sql)
    assert min(shares[table] for table in ("bronze", "silver", "bronze letter", "silver letter")) > ODD_FRAMES // 10


def test_first_arrival_that_silver_can_hold_is_kept(readers: Readers) -> None:
    symbol = '"FIRSTUSDT"'
    copies = [trade(t="7", s=symbol, p=price) for price in ('"abc"', '"1.5"', '"2.5"', '"1e-19"')]
    both = readers.read({"binance": [copy.encode() for copy in copies]})
    assert both.differences() == []
    wrong, first, _, last = sorted(both.frames)
    outcome = {place[:2]: row for place, row in both.sql.items() if place[0] != "bronze"}
    assert outcome.keys() == {("silver letter", wrong), ("silver", first), ("silver letter", last)}
    assert outcome["silver", first]["price"] == "1.5"


@pytest.mark.parametrize(
    ("recv_ns", "received"),
    [
        (RECV_NS, "2026-09-26 18:09:12.679000123"),
        (9_100_000_000_000_000_001, "2258-05-15 01:46:40.000000001"),
        (2**63, "2026-09-26 18:09:12.679000000"),
        (None, "2026-09-26 18:09:12.679000000"),
    ],
)
def test_unclassified_frame_was_received_when_its_header_says_or_else_its_message(
    readers: Readers, recv_ns: int | None, received: str
) -> None:
    offset = readers.schema.feed("dlq", ["?"], recv_ns=recv_ns)
    (letter,) = readers.schema.rows(f"SELECT reason, received_at FROM k2.dead_letters WHERE _offset = {offset}")
    assert letter == {"reason": "unclassified", "received_at": received}


def test_a_difference_is_told_with_its_frame(readers: Readers) -> None:
    both = readers.read({"binance": [trade(p='"1.5"').encode()]})
    (place,) = [place for place in both.truth if place[0] == "silver"]
    both.truth[place]["price"] = "1.6"
    (told,) = both.differences()
    assert "BTCUSDT" in told
    assert "{'price': ('1.5', '1.6')}" in told
    both.truth.pop(place)
    (told,) = both.differences()
    assert "('1.5', 'nothing')" in told
