"""What the gate writes: Markdown that fits a comment, JSON, JUnit."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.gate.exactness import Exactness
from harness.gate.history import Kept
from harness.gate.outcome import GateOutcome
from harness.gate.rehearsed import PAUSE_LIMIT_S, Played, Rehearsed
from harness.gate.report import write
from harness.gate.rows import RowDiff
from harness.gate.summary import differing, markdown
from harness.gate.verdict import Evidence, Verdict
from harness.report.markdown import MOST_BYTES

CANDLE = Evidence(
    Verdict.CHANGED,
    "ohlcv_1m",
    "rows",
    "1 of 9 have other values: open in 1",
    rows=({"window_start": "2026-03-14 20:49:00", "column": "open", "before": "1.5", "after": "1.25"},),
    causes=({"trade_id": "77", "price": "1.25", "why": "decides a value"},),
)
KEPT = Kept("silver_trades", 100, 0, 0, 0, "AB", "AB")
PLAYED = Played(0, 20_000, 999.6, 1.2, 0.8, 0, (Exactness("silver_trades", 0, 0, 0),), (KEPT,), ())


def outcome(directory: Path, *evidence: Evidence, **changes: object) -> GateOutcome:
    made = GateOutcome(
        base="origin/main",
        candidate="sql",
        started_at="2026-03-14T00:00:00+00:00",
        seconds=21.4,
        trades=65_324,
        evidence=evidence,
        rows=(RowDiff("silver_trades", 9, 0, 0, 0, 0, 0), RowDiff("ohlcv_1m", 9, 0, 0, 0, 0, 1)),
        checks=(),
        edited=(),
        added=(),
        refused=(),
        directory=directory,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_the_summary_begins_with_the_verdict_and_shows_rows_and_the_trades_behind_them(tmp_path: Path) -> None:
    text = markdown(outcome(tmp_path, CANDLE, refused=("changed is not among the verdicts that pass",)))
    assert text.startswith("## ❌ Schema gate: 🟡 changed, does not pass")
    assert "1 of 2 tables and views have the same rows" in text
    assert "| 2026-03-14 20:49:00 | open | 1.5 | 1.25 |" in text
    assert "Trades behind it:\n\n| trade\\_id | price | why |" in text


def test_rows_before_and_after_come_before_those_of_checks_and_definitions_before_both(tmp_path: Path) -> None:
    check = Evidence(Verdict.BREAKING, "silver_trades", "check rule", "fails", rows=CANDLE.rows)
    key = Evidence(Verdict.BREAKING, "silver_trades", "sorting key", "other", "symbol, trade_id", "symbol")
    text = markdown(outcome(tmp_path, check, CANDLE, key))
    places = [
        text.index(f"<summary>{title}")
        for title in ("silver\\_trades: sorting", "ohlcv\\_1m", "silver\\_trades: check")
    ]
    assert places == sorted(places)


def test_a_summary_of_nothing_says_so_and_passes(tmp_path: Path) -> None:
    text = markdown(outcome(tmp_path))
    assert text.startswith("## ✅ Schema gate: ⚪ identical, passes")
    assert "Nothing differs" in text


def test_a_summary_stays_below_what_a_comment_may_hold(tmp_path: Path) -> None:
    long = replace(CANDLE, what="x" * 5_000, before="a" * 50_000, after="b" * 50_000, rows=CANDLE.rows * 500)
    text = markdown(outcome(tmp_path, *[replace(long, object=f"table_{n}") for n in range(300)]))
    assert len(text.encode()) <= MOST_BYTES
    assert "more, in gate.json" in text


def test_a_value_cannot_break_out_of_its_cell(tmp_path: Path) -> None:
    text = markdown(outcome(tmp_path, replace(CANDLE, rows=({"symbol": "</details>|\n# hi @all"},))))
    assert text.count("</details>") == 1
    assert "\n# hi" not in text


def test_a_long_definition_is_shown_where_it_differs() -> None:
    before, after = differing("x" * 500 + "argMin(a)" + "y" * 500, "x" * 500 + "argMax(a)" + "y" * 500)
    assert before == f"… {'x' * 56}argMin(a){'y' * 57} …"
    assert after == f"… {'x' * 56}argMax(a){'y' * 57} …"
    assert differing("aa", "aaa") == ("aa", "aaa")


def test_files_hold_what_the_outcome_holds(tmp_path: Path) -> None:
    write(outcome(tmp_path, CANDLE, refused=("no",), rehearsed=Rehearsed(1000, ("RENAME ..",), (PLAYED,))))
    found = json.loads((tmp_path / "gate.json").read_text(encoding="utf-8"))
    assert (found["schema_version"], found["verdict"], found["passes"]) == (1, "changed", False)
    assert found["evidence"][0]["rows"] == [dict(CANDLE.rows[0])]
    assert found["rehearsal"]["played"][0]["history"][0]["checksum_after"] == "AB"
    (case,) = ET.parse(tmp_path / "junit.xml").iter("testcase")  # noqa: S314  # our own file
    assert case.get("name") == "verdict_is_changed"
    failure = case.find("error")  # a refusal is in the words of the gate, and counts no rows
    assert failure is not None
    assert failure.get("message") == "no"


def test_a_rehearsal_without_fault_refuses_nothing(tmp_path: Path) -> None:
    made = outcome(tmp_path, rehearsed=Rehearsed(1000, ("A", "B"), (PLAYED, replace(PLAYED, kills=2))))
    assert made.passes
    assert "| each of 2 statements | 20,000 | 1,000 | 1.20 | 0.80 | 0 | 0 | 1 of 1 | yes |" in markdown(made)


def test_each_fault_of_a_rehearsal_is_refused_in_its_own_sentence(tmp_path: Path) -> None:
    bad = replace(
        PLAYED,
        pause_s=PAUSE_LIMIT_S + 1,
        never_taken_in=7,
        tables=(Exactness("silver_trades", 1, 2, 3),),
        history=(replace(KEPT, lost=4),),
        unlike_fresh=("ohlcv_1m: column x added, unlike in a fresh schema",),
    )
    made = outcome(tmp_path, rehearsed=Rehearsed(1000, ("A",), (bad,)))
    assert not made.passes
    assert list(made.refusals) == [
        "rehearsal: 7 messages were never taken in: consumption stands still",
        "rehearsal: silver_trades: 1 rows lost, 2 doubled, 3 never sent",
        "rehearsal: silver_trades: of 100 rows of its history 4 are lost and 0 changed",
        "rehearsal: consumption stood still for 6.0 s; the limit is 5 s",
        "rehearsal: ohlcv_1m: column x added, unlike in a fresh schema",
    ]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"tables": ()}, "no table was compared with the truth"),
        ({"history": ()}, "no row was there before the migration"),
        ({"history": (replace(KEPT, rows=0),)}, "no row was there before the migration"),
        ({"pause_s": None}, "no table tells when it was written"),
        (
            {"tables": (Exactness("silver_trades", 9, 0, 0, is_there=False),)},
            "silver_trades is gone, with its 9 rows, and no rename of it is recognised",
        ),
    ],
)
def test_a_rehearsal_that_compared_nothing_shows_nothing(changes: dict[str, Any], fault: str) -> None:
    (refused,) = Rehearsed(1000, ("A",), (replace(PLAYED, **changes),)).refused
    assert fault in refused


def test_a_rehearsal_skipped_although_files_were_added_is_refused(tmp_path: Path) -> None:
    skipped = Rehearsed(1000, skipped="the candidate edits 001.sql", added=("012_risky.sql",))
    made = outcome(tmp_path, rehearsed=skipped)
    assert not made.passes
    assert "012_risky.sql would reach a warehouse that lives unrehearsed" in made.refusals[0]
    assert replace(made, rehearsed=replace(skipped, added=())).passes


def test_a_rehearsal_that_broke_off_is_refused_and_says_by_what(tmp_path: Path) -> None:
    made = outcome(tmp_path, rehearsed=Rehearsed(1000, error="it broke off: the broker died"))
    assert list(made.refusals) == ["rehearsal: it broke off: the broker died"]
    assert "the broker died" in markdown(made)


def test_documents_that_were_not_checked_are_told_with_the_reason(tmp_path: Path) -> None:
    made = outcome(tmp_path, documents_unchecked="x is a schema alone")
    assert "Documents: not checked, because x is a schema alone." in markdown(made)


def test_a_rehearsal_that_played_nothing_shows_nothing() -> None:
    assert Rehearsed(1000, ("A",), (replace(PLAYED, trades=0),)).refused != ()


def test_a_warehouse_that_was_killed_may_pause_for_as_long_as_it_takes_to_start() -> None:
    killed = replace(PLAYED, kills=1, pause_s=PAUSE_LIMIT_S + 1)
    assert Rehearsed(1000, ("A",), (killed,)).refused == ()


def test_history_with_another_checksum_is_not_intact() -> None:
    assert KEPT.is_intact
    assert not replace(KEPT, checksum_after="AC").is_intact
