"""Run directories without a run: written by the harness's own writers, from values that are made up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from harness.checks import CheckResult
from harness.checks.stages import STAGES
from harness.results import Counts, Results, write_results
from harness.series import Layer, Series, Watch, write_series
from harness.series.curves import Resent, Slice
from harness.series.latency import latency_of
from harness.series.watch import Sample

ZERO_NS: Final = 1_795_478_400_000_000_000
BUCKETS: Final = 60
BUCKET_US: Final = 1_000_000
NASTY: Final = "</script><script>alert('x')</script> & <b>|`@everyone`"

GOOD: Final = CheckResult(
    suite="silver_trades",
    name="no_trade_lost",
    layer="silver",
    kind="exact",
    severity="critical",
    success=True,
    unexpected=0,
    sample=(),
    error=None,
    seconds=0.25,
    why="Every trade that was owed is in silver.",
)
BAD: Final = replace(
    GOOD,
    suite="ohlcv_1m",
    name="candles_equal_truth",
    layer="gold",
    success=False,
    unexpected=3,
    sample=(
        {"exchange": "kraken", "column": "open", "expected": "84099", "actual": "84090.6"},
        {"exchange": NASTY, "column": "close", "expected": "1", "actual": "2"},
    ),
    why="Every candle is exact.",
)
LOST: Final = replace(
    GOOD,
    success=False,
    unexpected=1,
    sample=({"exchange": "binance", "symbol": "BTCUSDT", "trade_id": "4711"},),
)
BROKEN: Final = replace(
    GOOD, suite="ohlcv_5m", name="no_candle_lost", success=False, error="Code: 60. no table k2.ohlcv_5m_view"
)
WARNING: Final = replace(
    GOOD, name="trades_are_plausible", severity="warning", success=False, unexpected=2, sample=({"symbol": "ETHBTC"},)
)


def results(*checks: CheckResult) -> Results:
    """Results of a run of sixty seconds with these checks."""
    lost = sum(check.name == "no_trade_lost" and not check.success for check in checks)
    latency = {name: layer.latency.percentiles() for name, layer in _layers().items()}
    return Results(
        scenario="made",
        seed=7,
        stack="embedded",
        started_at="2026-11-24T00:00:00+00:00",
        seconds=75.0,
        counts=Counts(60_000, 66_000, 66_000, 65_000, 12, lost, 0, 988, 3, 0),
        target_rate=1000.0,
        achieved_rate=1000.4,
        latency_ms=latency,
        checks=checks,
    )


def made_run(directory: Path, *checks: CheckResult, with_series: bool = True, **further: Any) -> Path:
    """Write a run's files; `further` are fields of results.json that other parts of the harness add."""
    directory.mkdir(parents=True, exist_ok=True)
    write_results(results(*checks), directory)
    if further:
        path = directory / "results.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **further}))
    manifest = {"command": "k2-harness verify --seed 7", "commit": "0" * 40, "flags": ["--rate", "1000"]}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    if with_series:
        write_series(_series(), directory)
    return directory


def _series() -> Series:
    samples = [
        Sample(
            ZERO_NS + second * 10**9,
            {"trades.a": 50 + second % 7, "trades.b": 3},
            {"silver_trades": 2 + second % 5},
            memory_bytes={"broker": 2**26, "warehouse": 2**29 + 2**20 * second},
            cpu_ms={"broker": 100 * second, "warehouse": 800 * second},
        )
        for second in range(BUCKETS)
    ]
    return Series(
        zero_ns=ZERO_NS,
        bucket_us=BUCKET_US,
        sent_frames=(1000,) * BUCKETS,
        sent_trades=(1100,) * BUCKETS,
        sent_bytes=(200_000,) * BUCKETS,
        layers=_layers(),
        resent=(Resent("kraken", "XBT/USD", "duplicate", 988),),
        watch=Watch(samples),
    )


def _layers() -> dict[str, Layer]:
    bases_us = dict(zip(STAGES, range(1_000, 20_000, 1_000), strict=False))
    bases_us |= {"bronze": 60_000, "silver": 80_000, "ohlcv_1m": 120_000}
    return {name: _layer(base_us) for name, base_us in bases_us.items()}


def _layer(base_us: int) -> Layer:
    return Layer(
        arrived=(1100,) * BUCKETS,
        waiting=tuple(20 + bucket % 9 for bucket in range(BUCKETS)),
        age_us=tuple(base_us + 1000 * (bucket % 9) for bucket in range(BUCKETS)),
        latency=latency_of(((base_us + 100 * number, 1) for number in range(20_000)), base_us + 2_000_000),
        over_time=tuple(
            Slice(bucket, 1100, base_us, 2 * base_us if bucket % 10 else None, 3 * base_us) for bucket in range(BUCKETS)
        ),
    )
