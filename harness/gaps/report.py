"""Reads the evidence and explains: the one call that a run, or a night, makes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.gaps.evidence import Client, Evidence, Reading, Within, filled, gather, missing, silences
from harness.gaps.explain import explain
from harness.gaps.model import GapReport
from harness.gaps.sessions import Outage, outages


def explain_gaps(client: Client, *, session_logs: Iterable[Path] = (), within: Within | None = None) -> GapReport:
    """The gaps of a warehouse with their causes.

    `within` gives the condition in SQL that a column with the time of writing lies in a night; without it everything
    is looked at. `session_logs` are what `k2 feed` wrote to stderr. The truth of a run is used where there is one in
    database k2_truth.
    """
    reading = Reading(client, within)
    holes, late, quiet = missing(reading), filled(reading), silences(reading)
    evidence = gather(reading, holes) if holes else Evidence()
    gaps = explain(holes, late, quiet, evidence, tuple(_outages(session_logs)))
    return GapReport(gaps, tuple(reading.cut_short))


def _outages(logs: Iterable[Path]) -> Iterable[Outage]:
    for log in logs:
        with log.open(encoding="utf-8", errors="replace") as lines:
            yield from outages(lines)
