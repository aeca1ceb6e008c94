"""The table, as JSON and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from harness.detect.expected import EXPECTED
from harness.detect.score import CaseScore, CheckScore, Figure, Report, by_check
from harness.faults.process import PROCESS_FAULTS
from harness.faults.transport import TRANSPORT_FAULTS

SCHEMA_VERSION: Final = 1
_OF_TRANSPORT: Final = (
    "happens to a connection, and this bench has none; docs/live-wire.md says what becomes of the frames, which a run "
    "with --via websocket checks row by row"
)
_OF_PROCESS: Final = "happens to a process; docs/crashes.md counts what each kill and pause costs"


def to_json(report: Report) -> dict[str, Any]:
    """Everything that was measured; stable, fields are only ever added. A run's report shows each list as a table."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": report.command,
        "seconds": report.seconds,
        "complete": report.is_complete,
        "silent_checks": list(report.silent),
        "total": _figure_json(report.total),
        "by_fault": [_fault_json(report, fault) for fault in report.faults],
        "clean_runs": [
            {"seed": case.case.seed, "trades": case.trades, "alarms": case.rows, "checks": _names(case.checks)}
            for case in report.clean
        ],
        "fault_by_check": [_found_json(case, check) for case in report.cases for check in case.checks],
        "cases": [_case_json(case) for case in report.cases],
    }


def to_markdown(report: Report) -> str:
    """The published page: totals by fault, clean runs, and fault by check at every intensity."""
    parts = [
        "# Detection",
        "",
        *_introduction(report),
        "",
        "## By fault, all intensities together",
        "",
        *_faults(report),
        "",
        *_reasons(report),
        "",
        "## Clean runs",
        "",
        *_clean(report),
        "",
        "## Fault by check",
        "",
        "No check has to find all of a fault, as long as one of those due does: why a fault as a whole went unseen "
        "stands above. *(besides)* is a check that was not due and rightly told of a changed frame.",
        "",
        *_checks(report),
        "",
        "## Checks that told of nothing",
        "",
        "No fault of a frame sets them off as long as the pipeline does right by it; a defect of the schema or of the "
        "warehouse does. That each finds one is shown by tests/integration/test_checks.py and test_feed_checks.py, and "
        "by the mutants of docs/mutants.md.",
        "",
        *(f"- `{name}`" for name in report.silent),
        "",
        "## Faults that are not in the table",
        "",
        "They change no frame, so there is no instance that a check could point at: what they cost is known from what "
        "became of the frames on the way.",
        "",
        *_excluded(),
        "",
    ]
    return "\n".join(parts)


def _excluded() -> Iterable[str]:
    for names, why in ((TRANSPORT_FAULTS, _OF_TRANSPORT), (PROCESS_FAULTS, _OF_PROCESS)):
        for name in names:
            yield f"- `{name}`: {why}"


def _introduction(report: Report) -> list[str]:
    total = report.total
    amounts = ", ".join(dict.fromkeys(f"`{score.case.fault.amount}`" for score in report.cases if score.case.fault))
    return [
        f"Measured by `{report.command}` in {report.seconds:.0f} s ({len(report.cases)} plays); this page is what it "
        f"wrote. Each fault of `harness/faults` is injected at {amounts} of the frames of a clean generated tape "
        f"({report.cases[0].trades:,} trades), each amount with a seed and a tape of its own; then every check of "
        "`expectations/` runs.",
        "",
        "An *instance* is a frame that the fault changed, took out or added. It is *found* if a row that a check shows "
        "points at it: at its place in the topic, at one of its trades, at a range of ids that has one, or at a window "
        "that holds one. A row that points at nothing that was changed is a *false alarm*. *Recall* is found of "
        "injected, *precision* is true rows of all rows. The *delay* is from the sending of the first instance until "
        "its suite was through: a play at full speed, the pipeline's own time, and the suites before it; at night, up "
        "to a night is added.",
        "",
        f"**In total: {total.injected:,} injected that have to be noticed, {total.found:,} found, recall "
        f"{_percent(total.recall)}; {total.rows:,} alarms, {total.false_alarms:,} false, precision "
        f"{_percent(total.precision)}.**",
    ]


def _faults(report: Report) -> Iterable[str]:
    header = ("fault", "injected", "found", "missed", "recall", "alarms", "false", "precision", "found by")
    rows = []
    for fault in report.faults:
        figure = report.figure(fault)
        cases = report.of(fault)
        finders = [name for name, scores in by_check(cases).items() if any(score.found for score in scores)]
        injected = sum(case.injected for case in cases)
        is_due = figure.injected > 0
        rows.append(
            (
                f"`{fault}`",
                f"{injected:,}",
                f"{figure.found:,}" if is_due else "none due",
                f"{injected - figure.found:,}" if is_due else "-",
                _percent(figure.recall),
                f"{figure.rows:,}",
                f"{figure.false_alarms:,}",
                _percent(figure.precision),
                ", ".join(f"`{name}`" for name in _shortest(finders)) or "-",
            )
        )
    return _table(header, rows)


def _reasons(report: Report) -> Iterable[str]:
    for fault in report.faults:
        figure, why = report.figure(fault), EXPECTED[fault].why
        missed = figure.injected - figure.found
        if why or missed:
            said = f"**{missed:,} missed.** " if missed else ""
            yield f"- `{fault}`: {said}{why or 'No reason is known: a check is missing.'}"


def _clean(report: Report) -> Iterable[str]:
    rows = [
        (
            str(case.case.seed),
            f"{case.trades:,}",
            f"{case.rows:,}",
            ", ".join(_names(case.checks)) or "none",
        )
        for case in report.clean
    ]
    return _table(("seed", "trades", "alarms", "checks that raised one"), rows)


def _checks(report: Report) -> Iterable[str]:
    header = ("fault", "check", "kind", "injected", "found", "missed", "false alarms", "delay s")
    rows: list[tuple[str, ...]] = []
    for case in report.cases:
        if case.case.fault is None:
            continue
        if not case.checks:
            rows.append((f"`{case.case.name}`", "no alarm, none due", "", f"{case.injected:,}", "", "", "0", ""))
        rows += [_check_row(case, check) for check in _merged(case.checks)]
    return _table(header, rows)


def _check_row(case: CaseScore, check: CheckScore) -> tuple[str, ...]:
    return (
        f"`{case.case.name}`",
        f"`{check.check}`{'' if check.due else ' (besides)'}",
        f"{check.kind}, {check.severity}",
        f"{case.injected:,}",
        f"{check.found:,}",
        f"{case.injected - check.found:,}",
        f"{check.false_alarms:,}",
        "-" if check.delay_s is None else f"{check.delay_s:.1f}",
    )


def _merged(checks: Sequence[CheckScore]) -> list[CheckScore]:
    """Due checks first; the time frames of gold as one line, the one that found most."""
    gold = [check for check in checks if check.check.startswith("ohlcv_")]
    best: dict[str, CheckScore] = {}
    for check in gold:
        name = check.check.partition(".")[2]
        if name not in best or check.found > best[name].found:
            best[name] = check
    others = [check for check in checks if not check.check.startswith("ohlcv_")]
    return sorted([*others, *best.values()], key=lambda check: (not check.due, -check.found, check.check))


def _shortest(names: Iterable[str]) -> list[str]:
    """Checks of gold once, whatever their time frame."""
    return list(
        dict.fromkeys("ohlcv_*." + name.partition(".")[2] if name.startswith("ohlcv_") else name for name in names)
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _percent(share: float | None) -> str:
    """Never rounded up to 100."""
    if share is None:
        return "-"
    return "100 %" if share == 1 else f"{int(share * 1000) / 10:.1f} %"


def _names(checks: Iterable[CheckScore]) -> list[str]:
    return [check.check for check in checks]


def _figure_json(figure: Figure) -> dict[str, Any]:
    return {
        "injected": figure.injected,
        "found": figure.found,
        "missed": figure.injected - figure.found,
        "recall": figure.recall,
        "alarms": figure.rows,
        "false_alarms": figure.false_alarms,
        "precision": figure.precision,
    }


def _fault_json(report: Report, fault: str) -> dict[str, Any]:
    expected = EXPECTED[fault]
    return {
        "fault": fault,
        **_figure_json(report.figure(fault)),
        "due": [*expected.alarms, *expected.fails],
        "why": expected.why,
    }


def _found_json(case: CaseScore, check: CheckScore) -> dict[str, Any]:
    return {
        "fault": case.case.name,
        "check": check.check,
        "kind": check.kind,
        "severity": check.severity,
        "due": check.due,
        "injected": case.injected,
        "found": check.found,
        "missed": case.injected - check.found,
        "false_alarms": check.false_alarms,
        "delay_s": check.delay_s,
    }


def _case_json(case: CaseScore) -> Mapping[str, Any]:
    return {
        "fault": case.case.name,
        "seed": case.case.seed,
        "trades": case.trades,
        "injected": case.injected,
        "found": case.found,
        "false_alarms": case.false_alarms,
        "errors": list(case.errors),
        "seconds": case.seconds,
    }
