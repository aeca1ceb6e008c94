"""What a run counts once everything is there: rows in the warehouse, and what the checks found of trades.

The schema under test may lack a table, or have one of another engine. What cannot be counted then is None, never 0;
the checks fail, and say why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.exceptions import DatabaseError

from harness.checks import CheckResult
from harness.gaps import explain_gaps
from harness.replay import ReplayStats
from harness.results import Counts
from harness.survey import Channel
from harness.truth import Truth
from k2pipeline.exchanges import EXCHANGES


def counts_of(client: Any, stats: ReplayStats, truth: Truth, checks: Iterable[CheckResult]) -> Counts:
    """Frames and trades as sent, rows as the warehouse has them, and lost and phantom trades as checked."""
    bronze = [f"bronze_trades_{name}" for name in EXCHANGES]
    found = {f"{check.suite}.{check.name}": check for check in checks if check.error is None}
    gaps = found.get("silver_trades.gaps_are_those_injected")
    final = [_rows(client, table, "FINAL") for table in bronze]
    return Counts(
        frames_sent=stats.frames_sent,
        trades_sent=stats.trades_sent,
        bronze_rows=_sum(final),
        silver_trades=_rows(client, "silver_trades", "FINAL"),
        dead_letters=_rows(client, "dead_letters", "FINAL"),
        lost=_unexpected(found, "silver_trades.no_trade_lost"),
        phantom=_unexpected(found, "silver_trades.no_phantom_trade"),
        duplicates_sent=truth.duplicates_sent,
        redelivered=_difference(_sum([_rows(client, table) for table in bronze]), _sum(final)),
        gaps_found=int(gaps.observed["gaps_found"]) if gaps and gaps.observed else None,
    )


def gaps_of(client: Any, session_logs: Iterable[Path]) -> Mapping[str, Any] | None:
    """Why ids are missing, as JSON."""
    try:
        return explain_gaps(client, session_logs=session_logs).as_json()
    except DatabaseError:
        return None


def channels_of(channels: Mapping[Channel, int]) -> tuple[Mapping[str, Any], ...]:
    """Frames read by exchange, kind and channel, as results.json has them."""
    return tuple(
        {"exchange": exchange, "kind": kind.value, "channel": channel, "frames": frames}
        for (exchange, kind, channel), frames in sorted(channels.items())
    )


def _rows(client: Any, table: str, final: str = "") -> int | None:
    try:
        return int(client.query(f"SELECT count() FROM k2.{table} {final}").first_row[0])
    except DatabaseError:
        return None


def _sum(counts: Iterable[int | None]) -> int | None:
    known = list(counts)
    return None if None in known else sum(count or 0 for count in known)


def _difference(all_rows: int | None, distinct: int | None) -> int | None:
    return None if all_rows is None or distinct is None else all_rows - distinct


def _unexpected(found: Mapping[str, CheckResult], name: str) -> int | None:
    return found[name].unexpected if name in found else None
