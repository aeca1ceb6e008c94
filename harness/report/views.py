"""What a page shows, as values: tiles, tables, failing checks and suites. Pure; the templates only lay it out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.checks import CheckResult
from harness.report import words
from harness.report.chart import MISSING
from harness.report.order import by_suite, in_order

# What all samples of a page may have together; the rest is in results.json.
SAMPLE_CHARACTERS: Final = 600_000
CELL_CHARACTERS: Final = 300
_OPEN: Final = 3
_MOST_IN_FULL: Final = 10**15
_MOST_WITH_DIGITS: Final = 10**6


Fails = Callable[[CheckResult], bool]
"""Whether a check fails what it is part of: what fails a night need not fail a run, which knows what was sent."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure with its name."""

    label: str
    value: str
    note: str = ""
    fails: bool = False
    role: str = "edge"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text; numeric: the columns that are aligned to the right."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Failing:
    """A check that does not hold, with some of its rows."""

    anchor: str
    name: str
    count: str
    why: str
    error: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    more: str
    is_warning: bool
    is_open: bool
    is_note: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A check as a line of its suite."""

    name: str
    kind: str
    count: str
    why: str
    mark: str
    mood: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite and how many of its checks hold."""

    name: str
    tally: str
    fails: int
    seconds: str
    checks: Sequence[Listed]


def not_holding(
    checks: Iterable[CheckResult], fails: Fails, characters: int = SAMPLE_CHARACTERS
) -> tuple[list[Failing], list[Failing]]:
    """The checks that fail, and those that only warn; their samples together have at most so many characters.

    Last among those that warn stand notes: what is of severity info warns nobody.
    """
    ordered = [check for check in in_order(checks) if not check.success]
    ordered.sort(key=lambda check: (not fails(check), is_note(check)))
    shown, left = [], characters
    for number, check in enumerate(ordered):
        view = _failing(check, left, is_warning=not fails(check), is_open=number < _OPEN and fails(check))
        left -= sum(len(cell) for row in view.rows for cell in row)
        shown.append(view)
    return [view for view in shown if not view.is_warning], [view for view in shown if view.is_warning]


def is_note(check: CheckResult) -> bool:
    """Whether what a check found is told as information only."""
    return check.severity == "info" and check.error is None


def suites(checks: Iterable[CheckResult], fails: Fails) -> list[Suite]:
    """All suites in the order the data takes."""
    return [_suite(name, members, fails) for name, members in by_suite(checks)]


def tables_of(content: Any, title: str = "") -> list[Table]:
    """The tables in JSON that has not been laid out here: each list of objects is one, named by its field."""
    if isinstance(content, Mapping):
        found = [table for name, value in content.items() for table in tables_of(value, readable(str(name)))]
        plain = {name: value for name, value in content.items() if not isinstance(value, list | dict)}
        if plain and not found:
            return [_table(title, [plain])]
        return found
    if isinstance(content, list) and content and all(isinstance(each, Mapping) for each in content):
        return [_table(title, content)]
    return []


def gap_tables(gaps: Any) -> list[Table]:
    """Explained gaps by cause, and each; no table where there is none."""
    if not isinstance(gaps, Mapping):
        return []
    return [
        *tables_of(gaps.get("by_cause", []), "Gaps, by cause"),
        *tables_of(gaps.get("listed", []), "Gaps, each with its cause"),
    ]


def gaps_left_out(gaps: Any) -> str:
    """What is not in the tables of explained gaps, as sentences; empty where all is."""
    if not isinstance(gaps, Mapping):
        return ""
    listed, more = len(gaps.get("listed", ())), gaps.get("not_listed", 0)
    says = f" The first {listed:,} gaps are listed; there are {more:,} more." if more else ""
    if cut := gaps.get("cut_short"):
        says += f" There was too much to read it all of: {', '.join(cut)}. So causes, or whole gaps, may be missing."
    return says


def readable(name: str) -> str:
    """A field's name as words: false_alarms -> false alarms."""
    return name.replace("_", " ").strip()


def _table(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    numeric = {
        number
        for number, name in enumerate(names)
        if all(isinstance(row.get(name), int | float | None) and not isinstance(row.get(name), bool) for row in rows)
    }
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    return Table(title, [readable(name) for name in names], cells, frozenset(numeric))


def _cell(value: Any) -> str:
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        # Between a usual id and the largest that there can be lie more than a reader wants in full.
        return f"{value:,}" if abs(value) < _MOST_IN_FULL else f"{value:.3g}"
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < _MOST_WITH_DIGITS else f"{value:,.0f}"
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{readable(str(name))} {_cell(each)}" for name, each in value.items())
    return words.shortened(str(value), CELL_CHARACTERS)


def _failing(check: CheckResult, characters: int, *, is_warning: bool, is_open: bool) -> Failing:
    header = list(dict.fromkeys(name for row in check.sample for name in row))
    rows: list[list[str]] = []
    for row in check.sample:
        cells = [words.shortened(str(row.get(name, "")), CELL_CHARACTERS) for name in header]
        characters -= sum(map(len, cells))
        if characters < 0:
            break
        rows.append(cells)
    return Failing(
        anchor=anchor(check),
        name=f"{check.suite}.{check.name}",
        count=_count(check),
        why=check.why,
        error=check.error or "",
        header=header,
        rows=rows,
        more=_more(check, len(rows)),
        is_warning=is_warning,
        is_open=is_open,
        is_note=is_warning and is_note(check),
    )


def _count(check: CheckResult) -> str:
    if check.error:
        return "could not be carried out"
    return f"{check.unexpected:,} unexpected"


def _more(check: CheckResult, shown: int) -> str:
    if shown < len(check.sample):
        return f"{shown} of {len(check.sample)} sampled rows are shown; all of them are in results.json."
    if check.sample and check.unexpected > len(check.sample):
        return f"A sample of {len(check.sample)}; there are {check.unexpected:,}."
    return ""


def anchor(check: CheckResult) -> str:
    """The id of a failing check in the page."""
    return "check-" + re.sub(r"[^A-Za-z0-9_-]+", "-", f"{check.suite}-{check.name}")


def _suite(name: str, members: Sequence[CheckResult], fails: Fails) -> Suite:
    failed = sum(map(fails, members))
    amiss = [check for check in members if not check.success and not fails(check)]
    noted = sum(map(is_note, amiss))
    warned = len(amiss) - noted
    tally = f"{len(members) - failed - len(amiss)} hold" if failed or amiss else f"all {len(members)} hold"
    if failed:
        tally += f", {failed} fail{'s' if failed == 1 else ''}"
    if warned:
        tally += f", {warned} warn{'s' if warned == 1 else ''}"
    if noted:
        tally += f", {words.many(noted, 'note')}"
    seconds = sum(check.seconds for check in members)
    return Suite(name, tally, failed, f"{seconds:.2f} s", [_listed(check, fails) for check in members])


def _listed(check: CheckResult, fails: Fails) -> Listed:
    mood = "good" if check.success else "bad" if fails(check) else "note" if is_note(check) else "warn"
    return Listed(
        name=check.name,
        kind=check.kind,
        count=MISSING if check.error else f"{check.unexpected:,}",
        why=check.why,
        mark={"good": "✓", "note": "i", "warn": "!", "bad": "✗"}[mood],
        mood=mood,
        anchor="" if check.success else anchor(check),
    )
