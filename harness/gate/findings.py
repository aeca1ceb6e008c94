"""From differing rows and failing checks to evidence, and from evidence to what the policy refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from harness.checks import CheckResult
from harness.gate.causes import causes, window_seconds
from harness.gate.policy import Policy
from harness.gate.rows import RowDiff, comparable, compare_rows, comparison, keys_in
from harness.gate.snapshot import Query, Snapshot
from harness.gate.structure import StructureDiff
from harness.gate.verdict import Evidence, Verdict, worst
from harness.report.words import shortened
from harness.results import fails

SILVER: Final = "silver_trades"
_ROW_KINDS: Final[Mapping[str, tuple[Verdict, str]]] = {
    "lost": (Verdict.BREAKING, "{} of {} are lost"),
    "appeared": (Verdict.CHANGED, "{} of {} were not there before"),
    "more": (Verdict.BREAKING, "{} of {} keys stand in more rows than before"),
    "fewer": (Verdict.CHANGED, "{} of {} keys stand in fewer rows than before"),
}


@dataclass(frozen=True, slots=True)
class Databases:
    """Both sides of a comparison in one warehouse: their databases, structures, and what these differ in."""

    base: str
    candidate: str
    before: Snapshot
    after: Snapshot
    diff: StructureDiff


def row_diffs(
    query: Query, sides: Databases, volatile: Collection[str], advance: Callable[[str], None]
) -> Iterator[RowDiff]:
    """Compare the rows of every table and view that both sides have, whatever it is called now."""
    keys = keys_in(sides.before)
    settled_before, settled_after = comparable(sides.before), comparable(sides.after)
    for name in sorted(settled_before):
        old, now = sides.before.objects[name], sides.diff.name_after(name)
        if now not in settled_after:
            continue
        columns = sides.diff.columns.get(name, {})
        of = comparison(old, sides.after.objects[now], (sides.base, sides.candidate), columns, volatile, keys)
        if not of.key:
            continue
        advance(name)
        try:
            yield compare_rows(query, of)
        except ClickHouseError as error:
            yield RowDiff(name, 0, 0, 0, 0, 0, 0, error=str(error))


def row_evidence(query: Query, rows: RowDiff, sides: Databases) -> Iterator[Evidence]:
    """What differing rows of one table mean, with the trades behind a candle that changed."""
    if rows.error:
        yield Evidence(Verdict.BREAKING, rows.object, "rows", f"cannot be compared: {plain(rows.error)}")
    for kind, (verdict, what) in _ROW_KINDS.items():
        if count := getattr(rows, kind):
            said = what.format(f"{count:,}", f"{rows.keys:,}")
            yield Evidence(verdict, rows.object, "rows", said, rows=rows.samples[kind])
    if rows.changed:
        columns = ", ".join(f"{name} in {count:,}" for name, count in rows.columns.items())
        said = f"{rows.changed:,} of {rows.keys:,} have other values: {columns}"
        samples = rows.samples.get("changed", ())
        try:
            why = _causes(query, rows.object, samples, sides)
        except ClickHouseError as error:
            # The candidate may call the columns of silver otherwise; what changed is a finding all the same.
            why, said = (), f"{said}; causes unavailable: {plain(error)}"
        yield Evidence(Verdict.CHANGED, rows.object, "rows", said, rows=samples, causes=why)


def _causes(
    query: Query, name: str, samples: tuple[Mapping[str, str], ...], sides: Databases
) -> tuple[Mapping[str, str], ...]:
    seconds = window_seconds(sides.before.objects[name])
    old, new = sides.before.objects.get(SILVER), sides.after.objects.get(sides.diff.name_after(SILVER))
    if seconds is None or not samples or old is None or new is None:
        return ()
    return tuple(causes(query, samples, seconds, (old.read_in(sides.base), new.read_in(sides.candidate))))


def check_evidence(
    checks: Iterable[CheckResult], evidence: Collection[Evidence], rows: Iterable[RowDiff]
) -> Iterator[Evidence]:
    """What fails on the candidate. Where nothing that was there is other, it fails on the base as well."""
    is_inherited = worst(evidence) <= Verdict.ADDITIVE and all(each.is_identical for each in rows)
    failing = list(filter(fails, checks))
    unable: dict[tuple[str, str], list[str]] = {}
    for check in failing:
        if check.error:
            unable.setdefault((check.suite, plain(check.error)), []).append(check.name)
    found = [_failing(check) for check in failing if not check.error]
    found += [_unable(suite, error, names) for (suite, error), names in unable.items()]
    for each in found:
        said = f"{each.what} Nothing here is other than before: it fails on the base too."
        yield replace(each, verdict=Verdict.IDENTICAL, what=said) if is_inherited else each


def _failing(check: CheckResult) -> Evidence:
    verdict = Verdict.BREAKING if check.kind == "exact" else Verdict.CHANGED
    what = f"fails: {check.unexpected:,} unexpected; {check.why}"
    return Evidence(verdict, check.suite, f"check {check.name}", what, rows=check.sample[:3])


def _unable(suite: str, error: str, names: list[str]) -> Evidence:
    part = f"check {names[0]}" if len(names) == 1 else f"{len(names)} checks"
    return Evidence(Verdict.BREAKING, suite, part, f"cannot run: {error}")


def plain(error: object) -> str:
    """What the engine said, without what the client and the engine say of themselves."""
    text = _ENGINES_OWN.sub("", " ".join(str(error).split()))
    return shortened(text, _ERROR_CHARACTERS)


_ENGINES_OWN: Final = re.compile(
    r"Received ClickHouse exception, code: \d+, server response: |Code: \d+\. DB::Exception: "
    r"| \(version [^()]*(?:\([^()]*\))?\)| \(for url [^()]*\)"
)
_ERROR_CHARACTERS: Final = 300


def refusals(
    evidence: Collection[Evidence],
    checks: Iterable[CheckResult],
    edited: Collection[str],
    documents: Iterable[str],
    policy: Policy,
) -> Iterator[str]:
    """Why the change does not pass, in a sentence each."""
    refused = [each for each in evidence if not policy.allows(each)]
    for verdict in sorted({each.verdict for each in refused}, reverse=True):
        objects = dict.fromkeys(each.object for each in refused if each.verdict == verdict)
        yield f"{verdict} is not among the verdicts that pass ({_some(objects, 8)})"
    if failing := [f"{check.suite}.{check.name}" for check in checks if fails(check)]:
        count = "a check fails" if len(failing) == 1 else f"{len(failing)} checks fail"
        yield f"{count} on the candidate ({_some(failing, 5)})"
    if edited and not policy.applied_files_may_change:
        yield f"{', '.join(edited)}: applied already, and frozen; put the change into a new file"
    yield from documents


def _some(names: Collection[str], most: int) -> str:
    return ", ".join(list(names)[:most]) + (" .." if len(names) > most else "")
