"""Whether the senders kept to the profile: a rate that was not held tests something else than was asked for.

Schedules are exact, each trade has its time, so nothing has to be allowed for chance. Judged is what was sent by the
clock of the one common start, never by when a sender thought it began:

- all of it: what is due in the whole profile was sent when it is over, to 1 %, and nothing besides;
- each tenth of it (at least a second): at its end, all was sent that was due a twentieth of a tenth before, and nothing
  that is due only a twentieth later. So no tenth has 5 % too much or too little for more than that moment; a stall that
  is caught up within a tenth is not a matter of the rate but of latency, where every trade due in it counts as late.

A frame is not cut in two: at any moment one frame's trades may have left ahead of their places.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from harness.checks import CheckResult
from load.pace import Shaped
from load.profile import Profile

SUITE: Final = "load"
RATE_CHECK: Final = "rate_is_held"
TOLERANCE: Final = 0.01
WINDOW_TOLERANCE: Final = 0.05
_WINDOWS: Final = 10
_SHORTEST_S: Final = 1.0
_SAMPLE_ROWS: Final = 20


def rate_is_held(profile: Profile, ledger: Path, start_ns: int, until_s: float | None = None) -> CheckResult:
    """Judge a ledger of all senders. until_s: after which somebody stopped the test; what came before is judged."""
    seconds = profile.seconds if until_s is None else min(until_s, profile.seconds)
    missed = [
        {"exchange": exchange, **row}
        for exchange in profile.shares
        for row in _missed(profile.pace(exchange), _sent(ledger, exchange, start_ns), seconds)
    ]
    return CheckResult(
        suite=SUITE,
        name=RATE_CHECK,
        layer="topic",
        kind="exact",
        severity="critical",
        success=not missed,
        unexpected=len(missed),
        sample=tuple(missed[:_SAMPLE_ROWS]),
        error=None,
        seconds=0.0,
        why="Each exchange's trades were sent when the profile has them due: all of them to 1 %, each tenth to 5 %.",
    )


def _sent(ledger: Path, exchange: str, start_ns: int) -> pl.DataFrame:
    """(at_s, trades) of each frame of an exchange that was sent, in order of time."""
    sent = pl.scan_parquet(ledger).filter(pl.col("exchange") == exchange, pl.col("sent_ns").is_not_null())
    return sent.select(((pl.col("sent_ns") - start_ns) / 1e9).alias("at_s"), "trades").sort("at_s").collect()


def _missed(pace: Shaped, sent: pl.DataFrame, seconds: float) -> Iterator[dict[str, str]]:
    frame = max(sent["trades"].to_list(), default=1)
    window_s = max(seconds / _WINDOWS, min(_SHORTEST_S, seconds))
    slack_s = window_s * WINDOW_TOLERANCE
    for number in range(1, int(seconds / window_s + 1e-9) + 1):
        at_s = number * window_s
        low, high = pace.trades_by(at_s - slack_s), pace.trades_by(at_s + slack_s)
        found = _trades_by(sent, at_s)
        if not int(low) <= found <= high + frame:
            yield _row(f"the first {at_s:g} s", low, high, found)
    due, slack = pace.trades_by(seconds), pace.trades_by(seconds) * TOLERANCE
    found, whole = _trades_by(sent, seconds), int(sent["trades"].sum())
    if found < int(due - slack) or whole > due + slack + frame:
        yield _row(f"all of {seconds:g} s", due - slack, due + slack, found if found < due else whole)


def _trades_by(sent: pl.DataFrame, at_s: float) -> int:
    return int(sent.filter(pl.col("at_s") <= at_s)["trades"].sum())


def _row(when: str, low: float, high: float, found: int) -> dict[str, str]:
    return {"in": when, "trades_due": f"{low:.0f} to {high:.0f}", "trades_sent": str(found)}
