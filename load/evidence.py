"""What a load test says about the stage that gave out. Pure: reads an outcome's results, samples and logged work.

The stages, in the order the data takes:

    senders     the load itself was not held: nothing is said of the pipeline
    broker      frames were acknowledged late
    consumer    a consumer group falls behind, most of whose time goes into fetching and taking frames apart
    bronze, silver, gold
                a consumer group falls behind, most of whose inserts' time goes into this stage;
                or none does, and yet trades are late in silver or candles in gold, or rows are wrong
    readers     writing is as it should be, and queries fail or are late
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from harness.checks import CheckResult
from harness.results import Results, fails
from harness.run import Outcome
from harness.series import Sample
from k2pipeline.exchanges import EXCHANGES
from load.rate import RATE_CHECK
from load.readers import LAYER as QUERY_LAYER
from load.stages import Work, shares

BROKER_LIMIT_MS: Final = 250.0
_GROWS: Final = 0.02
_STAGES: Final = {"silver": "silver", "bronze_to_silver": "silver", "ohlcv_1m": "gold"}
_MOST_MERGED: Final = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen while trades were sent.

    p99_ms: by stage, from the scheduled send; `broker` is to the acknowledgement. lag_messages: by exchange, at the
    end, and lag_growth_per_s, by how many messages it grew in each second. insert_percent: of each exchange's time, by
    stage (see load/stages.py). merge_percent: of the time, by table; above 100 where several were merged at once.
    cpu_percent: mean share of a core by process. most_parts: of the table with the most. unread: why the warehouse's
    work is not known.
    """

    rate: float
    p99_ms: Mapping[str, float | None]
    lag_messages: Mapping[str, int]
    lag_growth_per_s: Mapping[str, float]
    insert_percent: Mapping[str, Mapping[str, float]]
    merge_percent: Mapping[str, float]
    merges: int
    cpu_percent: Mapping[str, float]
    most_parts: int
    unread: str | None = None


def evidence_of(outcome: Outcome, work: Work) -> Evidence:
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
    lags = {
        name: [each.lag_messages.get(exchange.topic, 0) for each in samples] for name, exchange in EXCHANGES.items()
    }
    first_us, last_us = first_ns // 1000, last_ns // 1000
    merges = [each for each in work.merges if first_us <= each.at_us <= last_us]
    return Evidence(
        rate=trades * 1e9 / max(last_ns - first_ns, 1),
        p99_ms={
            "broker": round(acknowledged_ns / 1e6, 1),
            **{stage: found.p99 for stage, found in outcome.results.latency_ms.items()},
        },
        lag_messages={name: lag[-1] if lag else 0 for name, lag in lags.items()},
        lag_growth_per_s={name: _slope_per_s([each.at_ns for each in samples], lag) for name, lag in lags.items()},
        insert_percent={
            name: found
            for name in EXCHANGES
            if (found := shares([each for each in work.inserts if each.exchange == name], first_us, last_us))
        },
        merge_percent=_merge_percent(((each.table, each.ms) for each in merges), (last_us - first_us) / 1000),
        merges=len(merges),
        cpu_percent=_cpu_percent(samples),
        most_parts=max((max(sample.parts.values(), default=0) for sample in samples), default=0),
        unread=work.unread,
    )


def verdict_on(results: Results, found: Evidence) -> tuple[str | None, tuple[str, ...]]:
    """(the stage that gave out, why), or (None, ()) for a run that passed."""
    if results.verdict == "pass":
        return None, ()
    failing = [check for check in results.checks if fails(check)]
    stage, because = _stage(failing, found)
    return stage, (*because, *map(_shown, failing), *_circumstances(found))


def _stage(failing: list[CheckResult], found: Evidence) -> tuple[str, tuple[str, ...]]:
    if any(check.name == RATE_CHECK for check in failing):
        return "senders", ("the rate was not held: try more senders, --workers",)
    acknowledged_ms = found.p99_ms["broker"] or 0
    if acknowledged_ms > BROKER_LIMIT_MS:
        return "broker", (f"acknowledged within {acknowledged_ms:,.0f} ms, p99",)
    behind = max(found.lag_growth_per_s, key=lambda name: found.lag_growth_per_s[name], default=None)
    if behind is not None and found.lag_growth_per_s[behind] > _GROWS * found.rate:
        return _falls_behind(behind, found)
    if failing and all(check.layer == QUERY_LAYER for check in failing):
        return "readers", ()
    late = [_STAGES[check.layer] for check in failing if check.layer in _STAGES]
    return ("silver" if "silver" in late or not late else "gold"), ("no consumer group falls behind",)


def _falls_behind(exchange: str, found: Evidence) -> tuple[str, tuple[str, ...]]:
    """The stage in which most of an exchange's time goes, whose lag grows."""
    lag = (
        f"the lag of {exchange} grows by {found.lag_growth_per_s[exchange]:,.0f} messages/s "
        f"to {found.lag_messages[exchange]:,}"
    )
    spent = found.insert_percent.get(exchange)
    if not spent:
        unread = found.unread or "too few inserts to tell"
        return "consumer", (lag, f"where its inserts spend their time is not known: {unread}")
    return max(spent, key=lambda stage: spent[stage]), (lag,)


def _circumstances(found: Evidence) -> list[str]:
    """What every verdict has besides."""
    cores = os.cpu_count() or 1
    said = [
        f"of the time between two inserts of {exchange}: {_percents(spent)}"
        for exchange, spent in found.insert_percent.items()
    ]
    merged = dict(sorted(found.merge_percent.items(), key=lambda each: -each[1])[:_MOST_MERGED])
    said.append(f"{found.merges:,} merges" + (f", of the time: {_percents(merged)}" if merged else ""))
    said.append(f"CPU {_percents(found.cpu_percent)} ({cores} cores are {100 * cores} %)")
    said.append(f"{found.most_parts:,} parts in a table")
    return said


def _percents(shares_of: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {percent:.0f} %" for name, percent in shares_of.items())


def _shown(check: CheckResult) -> str:
    row = check.sample[0] if check.sample else {}
    shown = ", ".join(f"{name} {value}" for name, value in row.items())
    return f"{check.suite}.{check.name}: {check.error or shown or f'{check.unexpected:,} unexpected'}"


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


def _merge_percent(merged: Iterable[tuple[str, int]], span_ms: float) -> dict[str, float]:
    spent_ms = Counter[str]()
    for table, ms in merged:
        spent_ms[table] += ms
    return {table: round(100 * ms / max(span_ms, 1), 1) for table, ms in sorted(spent_ms.items())}
