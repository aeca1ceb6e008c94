"""docs/checks.md: every check as a line of a table, made from the suite files alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from harness.checks.growth import Growth
from harness.checks.slos import Slo
from harness.checks.suites import Check, Suite

_HEADER: Final = ("check", "kind", "severity", "layer", "figures", "verifies", "does not")
_INTRODUCTION: Final = """# Checks

Made by `k2-harness checks` from `expectations/`; do not edit. A check is `<suite>.<check>`. *exact* compares with the
truth of a run; *standing* needs none, and runs on a live warehouse too. A *critical* check fails its run or night,
save for layer *feed*: what was wrong with what the exchange sent is an alarm at night, and no failure of a run, which
knows what was sent. *Figures* are the parameters that decide. Each check has a case that it holds on and one that it
must fail, in `tests/integration/test_checks.py` and `test_feed_checks.py`.

What the suites take on a million trades: `python benchmarks/suites.py`. What reaches them has been fuzzed: with
`K2_FUZZ=24 pytest -s tests/integration/sql/test_any_frame.py -k thousands` 120,000 odd frames of each exchange (half of
them minted from edges of every field, half with bytes changed, cut out, doubled or put in) went through the parsers in
blocks of 5,000; every offset ended as rows or as one dead letter, every trade in silver or as one. Nothing was found.
Every test run looks at 5,000 of each."""


def checks_page(suites: Iterable[Suite], slos: Iterable[Slo], growth: Growth) -> str:
    """The page. Suites with the same lines share a table."""
    tables: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for suite in suites:
        tables.setdefault(tuple(map(_line, suite.checks)), []).append(suite.name)
    parts = [_INTRODUCTION]
    parts += [f"## {', '.join(names)}\n\n{_table(_HEADER, lines)}" for lines, names in tables.items()]
    objectives = [(slo.name, slo.severity, slo.why) for slo in slos]
    said = (
        "Judged in runs that ask for it (`slos = true`). With too few samples for its percentile the maximum decides, "
        "and where that is above the limit the objective is not proven, which fails."
    )
    parts.append(f"## latency\n\n{said}\n\n{_table(('objective', 'severity', 'why'), objectives)}")
    limits = [(limit.name, limit.severity, limit.why) for limit in growth.limits]
    said = (
        f"Judged in runs that send for {growth.shortest_s:g} seconds or longer: the last third, without the first "
        f"{growth.warm_up_s:g} seconds, is compared with the first."
    )
    parts.append(f"## growth\n\n{said}\n\n{_table(('limit', 'severity', 'why'), limits)}")
    return "\n\n".join(parts) + "\n"


def _line(check: Check) -> tuple[str, ...]:
    return (
        f"`{check.name}`",
        check.kind,
        check.severity,
        check.layer,
        _figures(check),
        check.why,
        check.misses,
    )


def _figures(check: Check) -> str:
    kwargs = check.definition.get("kwargs", {})
    numbers = {name: value for name, value in kwargs.items() if isinstance(value, int | float) and name != "seconds"}
    return ", ".join(f"{name} {value:g}" for name, value in numbers.items())


def _table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [header, ["---"] * len(header), *([cell.replace("|", "\\|") for cell in line] for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
