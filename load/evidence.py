"""What a load test says about the stage that gave out. Pure: reads an outcome's results and samples.

The stages, in the order the data takes:

    senders     the load itself was not held: nothing is said of the pipeline
    broker      frames were acknowledged late
    consumer    the lag of the consumer groups grows: frames come in faster than inserts take them
    silver      no lag, and yet trades are late in silver, or rows are wrong
    gold        silver in time, candles not
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from harness.checks import CheckResult
from harness.results import Results, fails
from harness.run import Outcome
from harness.series import Sample
from load.way import RATE_CHECK

BROKER_LIMIT_MS: Final = 250.0
_GROWS: Final = 0.02
_STAGES: Final = {"silver": "silver", "bronze_to_silver": "silver", "ohlcv_1m": "gold"}


@dataclass(frozen=True, slots=True)
class Evidence:
    """p99_ms: by stage, from the scheduled send; `broker` is to the acknowledgement. lag_growth_per_s: messages per
    second by which the consumers fell behind while frames were sent. cpu_percent: mean share of a core by process in
    that time. most_parts: of the table with the most.
    """

    rate: float
    p99_ms: Mapping[str, float | None]
    lag_messages: int
    lag_growth_per_s: float
    cpu_percent: Mapping[str, float]
    most_parts: int


def evidence_of(outcome: Outcome) -> Evidence:
    """Read it off a run."""
    sent = pl.scan_parquet(outcome.stats.ledger_path).filter(pl.col("acked_ns").is_not_null())
    figures = sent.select(
        first=pl.col("sent_ns").min(),
        last=pl.col("sent_ns").max(),
        acknowledged=(pl.col("acked_ns") - pl.col("scheduled_ns")).quantile(0.99),
        trades=pl.col("trades").sum(),
    ).collect()
    first_ns, last_ns, acknowledged_ns, trades = figures.row(0)
    samples = [sample for sample in outcome.watch.samples if first_ns <= sample.at_ns <= last_ns]
    lags = [sum(sample.lag_messages.values()) for sample in samples]
    return Evidence(
        rate=trades * 1e9 / max(last_ns - first_ns, 1),
        p99_ms={
            "broker": round(acknowledged_ns / 1e6, 1),
            **{stage: found.p99 for stage, found in outcome.results.latency_ms.items()},
        },
        lag_messages=lags[-1] if lags else 0,
        lag_growth_per_s=_slope_per_s([sample.at_ns for sample in samples], lags),
        cpu_percent=_cpu_percent(samples),
        most_parts=max((max(sample.parts.values(), default=0) for sample in samples), default=0),
    )


def verdict_on(results: Results, found: Evidence) -> tuple[str | None, tuple[str, ...]]:
    """(the stage that gave out, why), or (None, ()) for a run that passed."""
    if results.verdict == "pass":
        return None, ()
    failing = [check for check in results.checks if fails(check)]
    why = [_shown(check) for check in failing]
    cpu = "CPU " + ", ".join(f"{name} {percent:.0f} %" for name, percent in found.cpu_percent.items())
    if any(check.name == RATE_CHECK for check in failing):
        return "senders", (*why, cpu)
    if (found.p99_ms["broker"] or 0) > BROKER_LIMIT_MS:
        return "broker", (f"acknowledged within {found.p99_ms['broker']:,.0f} ms, p99", *why, cpu)
    if found.lag_growth_per_s > _GROWS * found.rate:
        lag = f"lag grows by {found.lag_growth_per_s:,.0f} messages/s to {found.lag_messages:,}"
        return "consumer", (lag, *why, cpu)
    late = [_STAGES[check.layer] for check in failing if check.layer in _STAGES]
    return ("silver" if "silver" in late or not late else "gold"), (*why, cpu, f"{found.most_parts:,} parts in a table")


def _shown(check: CheckResult) -> str:
    first = ", ".join(f"{name} {value}" for name, value in check.sample[0].items()) if check.sample else ""
    return f"{check.suite}.{check.name}{f' ({first})' if first else ''}"


def _slope_per_s(at_ns: list[int], values: list[int]) -> float:
    """The least-squares slope: single samples jump with every block that is committed."""
    if len(values) < 3:
        return 0.0
    middle_ns, mean = sum(at_ns) / len(at_ns), sum(values) / len(values)
    spread = sum((at - middle_ns) ** 2 for at in at_ns)
    together = sum((at - middle_ns) * (value - mean) for at, value in zip(at_ns, values, strict=True))
    return together / spread * 1e9 if spread else 0.0


def _cpu_percent(samples: list[Sample]) -> dict[str, float]:
    if len(samples) < 2:
        return {}
    first, last = samples[0], samples[-1]
    span_ms = (last.at_ns - first.at_ns) / 1e6
    names = first.cpu_ms.keys() & last.cpu_ms.keys()
    return {name: round(100 * (last.cpu_ms[name] - first.cpu_ms[name]) / span_ms, 1) for name in sorted(names)}
