"""Nights without a warehouse: written by the nightly's own writers, from values that are made up."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from harness.checks import CheckResult
from harness.gaps import Cause, GapReport
from harness.gaps import Gap as ExplainedGap
from harness.nightly.files import write_night
from harness.nightly.latency import Unjudged
from harness.nightly.night import Night, deviations, is_alarm, is_warning
from harness.nightly.page import write_night_report
from harness.nightly.profile import HOURS, Gap, Letters, Measure, Parts, Profile, Slice
from harness.nightly.rules import load_rules
from harness.nightly.trend import compare_all
from harness.nightly.window import Window

UNTIL: Final = datetime(2026, 11, 24, 5, 23, tzinfo=UTC)
DAY_S: Final = 86_400
NIGHTS: Final = 30
USUAL: Final = {"trades": 900_000, "missing_ids": 3, "latency_p99_us": 90_000, "bronze_rows": 905_000, "markets": 40}
EXCHANGES: Final = ("binance", "kraken")
GAP: Final = ExplainedGap(
    "kraken", "XBT/USD", Cause.CONNECTION_LOSS, 100, 139, 10**18, 10**18 + 4 * 10**9, "no connection"
)


def made_night(directory: Path, checks: Sequence[CheckResult], *, bad: bool = False) -> Path:
    """Write a night's files and its report; gives the page. A bad night has a third of the trades, and gaps."""
    window = Window(int(UNTIL.timestamp() - DAY_S) * 10**9, int(UNTIL.timestamp()) * 10**9)
    rules, chance = load_rules(), random.Random(7)  # noqa: S311  # the same nights each time
    before = {
        (metric, exchange): {
            (UNTIL - timedelta(days=ago)).date(): round(value * chance.gauss(1, 0.03)) for ago in range(1, NIGHTS)
        }
        for metric, value in USUAL.items()
        for exchange in EXCHANGES
    }
    measures = [Measure("behind_us", name, 900_000_000 if bad else 2_000_000) for name in EXCHANGES]
    measures += [
        Measure(m, name, value // 3 if bad and m == "trades" else value)
        for m, value in USUAL.items()
        for name in EXCHANGES
    ]
    compared = compare_all(measures, before, window.night, rules)
    found = (*checks, *deviations(compared))
    failed = sum(map(is_alarm, found))
    shown = {"night": window.night, "verdict": "fail" if failed else "pass", "checks": len(found), "failed": failed}
    night = Night(
        window=window,
        warehouse="http://127.0.0.1:8123/k2",
        started_at=UNTIL,
        seconds=21.5,
        checks=found,
        profile=_profile(measures, window, bad=bad),
        explained=GapReport((GAP,) * 250 if bad else (), ("missing ids",) if bad else ()),
        unjudged=(Unjudged("ohlcv_1m_p99_within_60000_ms", "a candle keeps its last state only"),),
        compared=tuple(compared),
        rules=rules,
        histories={
            key: {**values, window.night: next(m.value for m in measures if (m.metric, m.subject) == key)}
            for key, values in before.items()
        },
        verdicts=[{**shown, "warned": sum(map(is_warning, found)), "deviations": 0}],
    )
    write_night(night, "k2-harness nightly --since 24h --clickhouse http://default@127.0.0.1:8123/k2", directory)
    return write_night_report(directory).page


def _profile(measures: Sequence[Measure], window: Window, *, bad: bool) -> Profile:
    since_s = window.since_ns // 10**9
    hours = [
        Slice(since_s + hour * 3600, name, 3600 * (40 + hour % 5), 20_000, 80_000 + 1000 * hour, 400_000)
        for hour in range(HOURS)
        for name in EXCHANGES
    ]
    gaps = tuple(Gap("kraken", f"M{number}/USD", 1, 500, 40) for number in range(50)) if bad else ()
    letters = (Letters("binance", "bronze", "not_json", 12),) if bad else ()
    parts = (Parts("silver_trades", 12, 1_800_000, 90_000_000), Parts("ohlcv_1s", 7, 300_000, 20_000_000))
    return Profile(
        tuple(measures), gaps, letters, parts, tuple(hours), gap_markets=75 if bad else 0, reasons=len(letters)
    )
