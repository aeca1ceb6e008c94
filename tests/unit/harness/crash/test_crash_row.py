"""What of a run's checks stands in the table."""

from __future__ import annotations

from harness.checks import CheckResult
from harness.crash.row import _unexpected


def check(suite: str, name: str, layer: str, unexpected: int) -> CheckResult:
    return CheckResult(
        suite=suite, name=name, layer=layer, kind="exact", severity="critical", success=not unexpected,
        unexpected=unexpected, sample=(), error=None, seconds=0.0, why="",
    )  # fmt: skip


def test_lost_and_doubled_count_trades_alone() -> None:
    checks = [
        check("bronze_trades_kraken", "no_trade_lost", "bronze", 2),
        check("silver_trades", "no_trade_lost", "silver", 3),
        check("silver_trades", "no_trade_doubled", "silver", 7),
        check("bronze_trades_kraken", "offsets_are_conserved", "bronze", 100),
        check("dead_letters", "no_letter_lost", "silver", 100),
        check("ohlcv_1m", "no_candle_lost", "gold", 100),
    ]
    assert _unexpected(checks, "no_trade_lost") == 5
    assert _unexpected(checks, "no_trade_doubled") == 7
