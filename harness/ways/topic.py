"""Straight into the topic: the harness produces the messages that a feed handler would."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.faults import TRANSPORT_NAMES, FaultError
from harness.plan import Meter, Plan
from harness.replay import Times, replay
from harness.ways import Played, Told
from k2pipeline.stack import Stack


@dataclass(frozen=True, slots=True)
class TopicWay:
    """See harness.ways.Way."""

    planned: Plan

    def play(self, running: Stack, directory: Path, told: Told) -> Played:
        planned, meter = self.planned, Meter(self.planned)
        stats = replay(
            meter.through(planned.frames()),
            bootstrap=running.bootstrap,
            pace=planned.pace,
            times=Times(planned.scenario.times),
            faults=planned.faults,
            seed=planned.scenario.seed,
            ledger_path=directory / "ledger.parquet",
            progress=lambda frames, trades: told(f"{frames:,} frames, {trades:,} trades", meter.share),
        )
        return Played(stats)


def open_way(planned: Plan) -> TopicWay:
    """Raises FaultError for a fault of a connection: there is none on this way."""
    for spec in planned.faults:
        if spec.name in TRANSPORT_NAMES:
            raise FaultError(
                f"fault {spec} happens to a connection, and straight into the topic there is none; use --via websocket"
            )
    return TopicWay(planned)
