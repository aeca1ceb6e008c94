"""The trials of a search for the highest rate, and the table of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from rich.console import Console
from rich.table import Table

from load.evidence import Evidence

_TITLES: Final = ("trades/s", "", "silver p99 ms", "candle p99 ms", "lag", "lag/s", "parts", "merges", "CPU %")
DIED: Final = "stack or senders"
_SHOWN_PROCESSES: Final = ("warehouse", "broker", "senders", "harness")


@dataclass(frozen=True, slots=True)
class Trial:
    """One rate (trades/s of a share of 1) that was tried. gave_out: the stage that failed, None where all held.
    evidence: None where the trial died before there was any.
    """

    rate: float
    holds: bool
    gave_out: str | None
    because: tuple[str, ...]
    evidence: Evidence | None
    directory: str


def died(rate: float, error: Exception) -> Trial:
    """A trial that came to no verdict."""
    return Trial(rate, False, DIED, (f"{type(error).__name__}: {error}",), None, "")


def best(trials: Sequence[Trial]) -> Trial | None:
    """The highest rate that held below every one that did not."""
    failed = min((trial.rate for trial in trials if not trial.holds), default=None)
    held = [trial for trial in trials if trial.holds and (failed is None or trial.rate < failed)]
    return max(held, key=lambda trial: trial.rate, default=None)


def line_of(tried: Trial) -> str:
    """A trial in one line."""
    judged = "holds" if tried.holds else f"{tried.gave_out} gave out: {'; '.join(tried.because)}"
    return f"{tried.rate:,.0f} trades/s: {judged}"


def print_json(trials: Sequence[Trial]) -> None:
    """{"capacity": trades/s or null, "gave_out": the stage above it or null, "trials": [..]}, in the order tried."""
    held, failed = best(trials), _first_failed(trials)
    content = {
        "capacity": held.rate if held else None,
        "gave_out": failed.gave_out if failed else None,
        "trials": [asdict(tried) for tried in trials],
    }
    print(json.dumps(content, indent=2, ensure_ascii=False))


def print_table(console: Console, trials: Sequence[Trial]) -> None:
    """The trials from the lowest rate up, then the capacity, and what gave out above it with the evidence."""
    if not trials:
        console.print("capacity: no trial came to its end")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in _TITLES:
        table.add_column(title, justify="left" if title in ("", _TITLES[-1]) else "right")
    for tried in sorted(trials, key=lambda each: each.rate):
        table.add_row(f"{tried.rate:,.0f}", "holds" if tried.holds else "fails", *_cells(tried.evidence))
    console.print(table)
    held, failed = best(trials), _first_failed(trials)
    if held:
        console.print(f"capacity: {held.rate:,.0f} trades/s (and a tenth of it beside), every SLO met, nothing lost")
    else:
        console.print("capacity: not even the lowest rate was held")
    if failed:
        console.print(f"above it, at {failed.rate:,.0f}: {failed.gave_out} gave out")
        for reason in failed.because:
            console.print(f"  {reason}", markup=False)


def _first_failed(trials: Sequence[Trial]) -> Trial | None:
    return min((trial for trial in trials if not trial.holds), key=lambda trial: trial.rate, default=None)


def _cells(found: Evidence | None) -> list[str]:
    if found is None:
        return ["", "", "", "", "", "", "died"]
    latency = (found.p99_ms.get("silver"), found.p99_ms.get("ohlcv_1m"))
    cpu = [f"{name} {found.cpu_percent[name]:.0f}" for name in _SHOWN_PROCESSES if name in found.cpu_percent]
    return [
        *("too few" if value is None else f"{value:,.0f}" for value in latency),
        f"{sum(found.lag_messages.values()):,}",
        f"{max(found.lag_growth_per_s.values(), default=0):+,.0f}",
        f"{found.most_parts:,}",
        f"{found.merges:,}",
        ", ".join(cpu),
    ]
