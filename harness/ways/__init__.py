"""The ways in: how the frames of a run get into the topics.

    way = open_way(plan(scenario))                      # refuses what it cannot carry, before anything starts
    played = way.play(stack, directory, told)           # and then there is directory/ledger.parquet

WAYS holds the ways that work: a name, and the module with its `open_way`, imported when it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, cast

from harness.checks import CheckResult
from harness.plan import Plan
from harness.replay import ReplayStats
from harness.scenario import ScenarioError
from k2pipeline.stack import Stack

WAYS: Final = {
    "topic": "harness.ways.topic",
    "websocket": "harness.ways.websocket",
}


class Told(Protocol):
    """Told how far the play is: in words, and which share of it (0 to 1) is done, where that is known."""

    def __call__(self, text: str, share: float | None = None, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Played:
    """What a play left: its figures (and by them, the ledger), what the way itself found, and the logs of the feed
    handlers, where it had any.
    """

    stats: ReplayStats
    checks: tuple[CheckResult, ...] = ()
    session_logs: tuple[Path, ...] = ()


class Way(Protocol):
    """One way in, for one run."""

    def play(self, running: Stack, directory: Path, told: Told) -> Played:
        """Play the run's frames; returns when all that will ever be in the topics is there.

        Raises ReplayError or StackError when it could not be carried through, NoEffect when a fault did nothing.
        """


def open_way(planned: Plan) -> Way:
    """The way that a plan's scenario names.

    Raises ScenarioError for an unknown one; CaptureError or FaultError for what this way cannot carry.
    """
    name = planned.scenario.via
    if name not in WAYS:
        raise ScenarioError(f"via {name!r} is no way in; there are {', '.join(WAYS)}")
    return cast(Way, import_module(WAYS[name]).open_way(planned))
