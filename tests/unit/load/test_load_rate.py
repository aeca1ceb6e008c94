"""A rate counts as held when the trades were sent in the time the profile gives them, to 1 %."""

from pathlib import Path

import polars as pl
import pytest

from load.profile import Profile
from load.way import rate_is_held

SECOND = 1_000_000_000
PROFILE = Profile("held", rate=100, seconds=10, shares={"kraken": 1.0})


def ledger(path: Path, *, trades: int, stretched: float) -> Path:
    due = [number * SECOND // 100 for number in range(trades)]
    pl.DataFrame(
        {
            "exchange": ["kraken"] * trades,
            "scheduled_ns": due,
            "sent_ns": [int(at * stretched) for at in due],
            "trades": [1] * trades,
        }
    ).write_parquet(path)
    return path


@pytest.mark.parametrize(
    ("trades", "stretched", "held"),
    [(1000, 1.0, True), (1000, 1.009, True), (1000, 1.02, False), (995, 1.0, True), (980, 1.0, False)],
)
def test_late_or_missing_trades_beyond_one_percent_fail(
    tmp_path: Path, trades: int, stretched: float, held: bool
) -> None:
    found = rate_is_held(PROFILE, ledger(tmp_path / "ledger.parquet", trades=trades, stretched=stretched))
    assert found.success == held
    assert [row["exchange"] for row in found.sample] == ([] if held else ["kraken"])
