"""The latency objectives at night: those that a warehouse can tell of afterwards, and why the others are not judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.checks import CheckResult
from harness.checks.slos import judge, load_slos
from harness.nightly.profile import ALL, Client, Measure, bronze_to_silver_row, latency_row
from harness.nightly.window import Window
from harness.results import Percentiles
from harness.series.latency import enough_samples, in_ms

SILVER: Final = "silver"
BRONZE_TO_SILVER: Final = "bronze_to_silver"
_UNTOLD: Final = {
    "ohlcv_1m": "a candle keeps its last state only: when a trade was first in it is not known afterwards",
}


@dataclass(frozen=True, slots=True)
class Unjudged:
    """An objective that was not judged, and why."""

    objective: str
    reason: str


@dataclass(frozen=True, slots=True)
class Latency:
    """Objectives judged as checks, those that were not, and what of it is compared with past nights."""

    judged: list[CheckResult]
    unjudged: tuple[Unjudged, ...]
    measures: tuple[Measure, ...]


def judged_latency(client: Client, window: Window) -> Latency:
    """Measure the stages of a night and judge them."""
    rows = {SILVER: latency_row(client, window), BRONZE_TO_SILVER: bronze_to_silver_row(client, window)}
    measured = {stage: _percentiles(row) for stage, row in rows.items()}
    # A night without a trade is late with none; that it is silent is for the checks of silence to say.
    told = {stage: found for stage, found in measured.items() if found.n}
    slos = load_slos()
    judged = judge([slo for slo in slos if slo.stage in told], told)
    unjudged = tuple(Unjudged(slo.name, _why(slo.stage, measured)) for slo in slos if slo.stage not in told)
    n, _, p99_us, *_ = rows[BRONZE_TO_SILVER]
    return Latency(judged, unjudged, (Measure("bronze_to_silver_p99_us", ALL, p99_us),) if n else ())


def _why(stage: str, measured: dict[str, Percentiles]) -> str:
    if stage in measured:
        return "no trade came"
    return _UNTOLD.get(stage, f"nothing in the warehouse tells of stage {stage} afterwards")


def _percentiles(row: Sequence[int]) -> Percentiles:
    n, p50_us, p99_us, p999_us, max_us = row

    def at(percent: float, us: int) -> float | None:
        return in_ms(us) if enough_samples(n, percent) else None

    return Percentiles(n, at(50, p50_us), at(99, p99_us), at(99.9, p999_us), in_ms(max_us) if n else None)
