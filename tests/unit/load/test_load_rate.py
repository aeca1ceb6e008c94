"""A rate counts as held when the trades were sent when they were due by the one clock of the start."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from load.profile import Profile
from load.rate import rate_is_held

SECOND = 1_000_000_000
START = 1_767_225_600 * SECOND
PROFILE = Profile("held", rate=100, seconds=60, shares={"kraken": 1.0})
DUE = [number / 100 for number in range(6000)]


def judged(
    path: Path, sent_s: Sequence[float], *, profile: Profile = PROFILE, exchange: str = "kraken", trades: int = 1,
    until_s: float | None = None,
):  # type: ignore[no-untyped-def]  # fmt: skip
    ledger = path / "ledger.parquet"
    pl.DataFrame(
        {
            "exchange": [exchange] * len(sent_s),
            # As a sender with a clock of its own has it: whatever it sends is on time.
            "scheduled_ns": [START + int(at * SECOND) for at in sent_s],
            "sent_ns": [START + int(at * SECOND) for at in sent_s],
            "trades": [trades] * len(sent_s),
        },
        schema={"exchange": pl.String, "scheduled_ns": pl.Int64, "sent_ns": pl.Int64, "trades": pl.Int32},
    ).write_parquet(ledger)
    return rate_is_held(profile, ledger, START, until_s)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (DUE, "on time"),
        ([at + 0.02 for at in DUE], "20 ms late throughout"),
        ([at if not 20 <= at < 21 else 21.0 for at in DUE], "a second's stall, caught up within its tenth"),
        (DUE[:-30], "half a percent missing at the end"),
    ],
)
def test_a_rate_that_was_held_passes(tmp_path: Path, sent: list[float], why: str) -> None:
    assert judged(tmp_path, sent).success, why


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ([], "an exchange of the profile of which nothing was sent"),
        ([at + 30 if place % 2 else at for place, at in enumerate(DUE)], "half of the senders 30 s behind"),
        ([at + 30 for at in DUE], "all of them 30 s behind"),
        ([0.0, *[54.0] * 5999], "nine tenths of the time a stall, then a burst"),
        ([at if not 20 <= at < 25 else 25.0 for at in DUE], "a stall of five seconds, caught up afterwards"),
        ([at * 1.02 for at in DUE], "2 % slower"),
        ([at * 0.94 for at in DUE], "6 % faster"),
        (DUE[:-120], "2 % missing at the end"),
        ([at for place, at in enumerate(DUE) if place % 10], "every tenth missing"),
        ([*DUE, *DUE], "twice as many"),
        ([*DUE, *[60.0] * 120], "2 % more, all at the end"),
        ([*DUE, *[70.0] * 120], "2 % more, after the end"),
    ],
)
def test_a_rate_that_was_missed_fails(tmp_path: Path, sent: list[float], why: str) -> None:
    found = judged(tmp_path, sent)
    assert not found.success, why
    assert found.unexpected == len(found.sample) > 0
    assert {row["exchange"] for row in found.sample} == {"kraken"}


def test_an_exchange_that_is_not_in_the_ledger_is_named(tmp_path: Path) -> None:
    profile = replace(PROFILE, shares={"kraken": 1.0, "binance": 1.0})
    found = judged(tmp_path, DUE, profile=profile)
    assert {row["exchange"] for row in found.sample} == {"binance"}


def test_a_frame_of_many_trades_may_leave_whole(tmp_path: Path) -> None:
    assert judged(tmp_path, DUE[::20], trades=20).success


def test_the_edge_of_a_spike_may_lag_by_a_twentieth_of_a_tenth(tmp_path: Path) -> None:
    profile = replace(PROFILE, seconds=100, shape=((0, 0.05), (0.4, 0.05), (0.4, 1), (0.5, 1), (0.5, 0.05), (1, 0.05)))
    due_ns = profile.pace("kraken").timetable()
    due = [due_ns(place) / SECOND for place in range(profile.pace("kraken").trades)]
    assert judged(tmp_path, [at + 0.3 for at in due], profile=profile).success
    assert not judged(tmp_path, [at + 2 if 40 <= at < 50 else at for at in due], profile=profile).success


def test_a_test_that_somebody_stopped_is_judged_up_to_then(tmp_path: Path) -> None:
    half = [at for at in DUE if at < 30]
    assert judged(tmp_path, half, until_s=30.0).success
    assert not judged(tmp_path, half).success
    assert not judged(tmp_path, half[:-100], until_s=30.0).success
