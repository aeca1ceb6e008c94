"""What the gate found as Markdown that fits a comment on a pull request: the verdict first, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Final

from harness.gate.outcome import GateOutcome
from harness.gate.rehearsed import PAUSE_LIMIT_S, Played, Rehearsed
from harness.gate.verdict import Evidence, Verdict
from harness.report.markdown import bounded, cell, escaped, table
from harness.report.order import place
from harness.results import fails

MARKS: Final[Mapping[Verdict, str]] = {
    Verdict.IDENTICAL: "⚪",
    Verdict.ADDITIVE: "🟢",
    Verdict.CHANGED: "🟡",
    Verdict.BREAKING: "🔴",
}
_FINDING_CHARACTERS: Final = 300
_FINDINGS: Final = 40
_DETAILS: Final = 6
_ROWS: Final = 8
_AROUND: Final = 60
_DEFINITION_CHARACTERS: Final = 600


def markdown(outcome: GateOutcome) -> str:
    """The summary for a pull request."""
    parts = [
        f"## {'✅' if outcome.passes else '❌'} Schema gate: {MARKS[outcome.verdict]} {outcome.verdict}, "
        f"{'passes' if outcome.passes else 'does not pass'}",
        _measured(outcome),
        "\n".join(f"- **refused**: {escaped(each)}" for each in outcome.refusals),
        _findings(outcome.evidence),
        *_rehearsal(outcome.rehearsed),
        *_files(outcome),
        *_kept_rows(outcome.rehearsed),
        *_all_details(outcome.evidence),
    ]
    return bounded([part for part in parts if part])


def _measured(outcome: GateOutcome) -> str:
    same = sum(rows.is_identical for rows in outcome.rows)
    failing = sum(map(fails, outcome.checks))
    return (
        f"{_code(outcome.base)} → {_code(outcome.candidate)}: {outcome.trades:,} trades through both schemas in "
        f"{outcome.seconds:.0f} s; {same} of {len(outcome.rows)} tables and views have the same rows; "
        f"{failing} of {len(outcome.checks)} checks fail on the candidate."
    )


def _findings(evidence: Sequence[Evidence]) -> str:
    if not evidence:
        return "Nothing differs: the same objects, and the same rows in each."
    rows = [
        [
            f"{MARKS[each.verdict]} {each.verdict}",
            _code(each.object),
            escaped(each.part),
            cell(each.what, _FINDING_CHARACTERS),
        ]
        for each in evidence[:_FINDINGS]
    ]
    more = f"\n\n_And {len(evidence) - _FINDINGS} more, in gate.json._" if len(evidence) > _FINDINGS else ""
    return table(["verdict", "object", "what of it", "finding"], rows) + more


def _all_details(evidence: Iterable[Evidence]) -> Iterator[str]:
    """What changed in definitions first, for that is why; then rows before and after, then those of failing checks."""
    telling = [each for each in evidence if each.before or each.after or each.rows]
    telling.sort(key=lambda each: (not (each.before or each.after), each.part != "rows"))
    yield from map(_details, telling[:_DETAILS])
    if len(telling) > _DETAILS:
        yield f"_The rows of {len(telling) - _DETAILS} more findings are in gate.json._"


def _details(each: Evidence) -> str:
    lines = ["<details>", f"<summary>{escaped(each.object)}: {escaped(each.part)}</summary>", ""]
    if each.before or each.after:
        before, after = differing(each.before, each.after)
        lines += ["```diff", *_marked("-", before), *_marked("+", after), "```", ""]
    lines += _rows(each.rows)
    if each.causes:
        lines += ["Trades behind it:", "", *_rows(each.causes)]
    return "\n".join([*lines, "</details>"])


def differing(before: str, after: str) -> tuple[str, str]:
    """Two texts without what both begin and end with, but for some characters around the difference."""
    if not before or not after:
        return _shortened(before), _shortened(after)
    head = _shared(before, after)
    tail = _shared(before[head:][::-1], after[head:][::-1])
    start, left, right = max(0, head - _AROUND), max(0, tail - _AROUND), min(tail, _AROUND)

    def around(text: str) -> str:
        shown = _shortened(text[start : len(text) - tail]) + text[len(text) - tail :][:right]
        return f"{'… ' if start else ''}{shown}{' …' if left else ''}"

    return around(before), around(after)


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _shortened(text: str) -> str:
    return text if len(text) <= _DEFINITION_CHARACTERS else f"{text[:_DEFINITION_CHARACTERS]} …"


def _marked(mark: str, text: str) -> list[str]:
    return [f"{mark} {line.replace('```', '')}" for line in text.splitlines()]


def _rows(rows: Iterable[Mapping[str, str]]) -> list[str]:
    found = list(rows)[:_ROWS]
    if not found:
        return []
    # Rows of one table may still come with other columns, as lost and changed ones do.
    names = list(dict.fromkeys(name for row in found for name in row))
    return [table([cell(name) for name in names], ([cell(row.get(name, "")) for name in names] for row in found)), ""]


def _files(outcome: GateOutcome) -> Iterator[str]:
    if outcome.edited:
        yield (
            f"Edited in place: {', '.join(map(_code, outcome.edited))}. A warehouse that has these files applied "
            "refuses them by their checksum; it gets a change only as a new file."
        )
    if outcome.added:
        yield f"New migrations: {', '.join(map(_code, outcome.added))}."
    if outcome.documents_unchecked:
        yield f"Documents: not checked, because {escaped(outcome.documents_unchecked)}."


def _rehearsal(rehearsed: Rehearsed | None) -> Iterator[str]:
    if rehearsed is None:
        return
    if rehearsed.skipped:
        yield f"### Rehearsal: skipped, {escaped(rehearsed.skipped)}"
        return
    if not rehearsed.played:
        yield f"### Rehearsal: {escaped(rehearsed.error or 'nothing was played')}"
        return
    count, rate = len(rehearsed.statements), rehearsed.rate
    yield f"### Rehearsal: {count} statements on a live warehouse at {rate:,} trades/s, in {rehearsed.seconds:.0f} s"
    header = [
        "kill -9 after",
        "trades",
        "per second",
        "migration s",
        "longest pause s",
        "lost",
        "doubled",
        "history intact",
        "like fresh",
    ]
    yield table(header, map(_played, rehearsed.played), numeric=range(1, 7))
    yield (
        f"Consumption may stand still for {PAUSE_LIMIT_S:g} s where nothing is killed. Lost and doubled count rows of "
        "bronze, silver, dead letters and all candles against the truth."
    )


def _played(each: Played) -> list[str]:
    intact = sum(kept.is_intact for kept in each.history)
    return [
        f"each of {each.kills} statements" if each.kills else "nothing",
        f"{each.trades:,}",
        "" if each.rate is None else f"{each.rate:,.0f}",
        f"{each.migration_s:.2f}",
        "" if each.pause_s is None else f"{each.pause_s:.2f}",
        f"{each.lost}",
        f"{each.doubled}",
        f"{intact} of {len(each.history)}",
        "no" if each.unlike_fresh else "yes",
    ]


def _kept_rows(rehearsed: Rehearsed | None) -> Iterator[str]:
    """Row counts and checksums of what was there before, of the rehearsal in which nothing was killed."""
    for each in rehearsed.played[:1] if rehearsed else ():
        rows = [
            [_code(kept.table), f"{kept.rows:,}", f"{kept.superseded:,}", kept.checksum_before, kept.checksum_after]
            for kept in sorted(each.history, key=lambda kept: place(kept.table))
        ]
        header = ["table", "rows before", "newer since", "checksum before", "checksum after"]
        lines = ["<details>", "<summary>History, row for row</summary>", "", table(header, rows, numeric=(1, 2)), ""]
        yield "\n".join([*lines, "</details>"])


def _code(text: str) -> str:
    return f"`{text.replace('`', '')}`"
