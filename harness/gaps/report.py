"""Reads the evidence and explains: the one call that a run, or a night, makes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from harness.gaps.evidence import Client, Evidence, filled, gather, missing, silences
from harness.gaps.explain import explain
from harness.gaps.model import GapReport
from harness.gaps.sessions import Outage, outages

EVERYTHING: Final = "(SELECT * FROM k2.silver_trades FINAL)"


def explain_gaps(client: Client, *, session_logs: Iterable[Path] = (), silver: str = EVERYTHING) -> GapReport:
    """The gaps of a warehouse with their causes.

    `silver` is a query in parentheses, for a part of silver_trades; `session_logs` are what `k2 feed` wrote to stderr.
    The truth of a run is used where there is one in database k2_truth.
    """
    holes, late, quiet = missing(client, silver), filled(client, silver), silences(client, silver)
    evidence = gather(client, silver, holes) if holes else Evidence()
    return GapReport(explain(holes, late, quiet, evidence, tuple(_outages(session_logs))))


def _outages(logs: Iterable[Path]) -> Iterable[Outage]:
    for log in logs:
        with log.open(encoding="utf-8", errors="replace") as lines:
            yield from outages(lines)
