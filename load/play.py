"""One load test: harness.run with Locust as the way in, on a stack of its own."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.run import Outcome, Progress, run
from harness.scenario import Scenario
from k2pipeline.schema import DEFAULT_DIRECTORY
from load.profile import Profile
from load.stages import Work, read_work
from load.way import LocustWay


@dataclass(frozen=True, slots=True)
class Test:
    """What to play: the profile by its name (or file) on the command line, and how."""

    __test__ = False  # for pytest: the word is Locust's

    profile: Profile
    named: str
    seed: int
    stack: str
    sql: Path
    out: Path
    workers: int = 0
    ui: bool = False

    @property
    def command(self) -> str:
        """What plays it again."""
        words = ["python", "-m", "load", "--profile", self.named, "--rate", f"{self.profile.rate:g}"]
        words += ["--duration", f"{self.profile.seconds:g}s", "--seed", str(self.seed), "--stack", self.stack]
        words += ["--workers", str(self.workers)] if self.workers else []
        words += ["--sql", str(self.sql)] if self.sql != DEFAULT_DIRECTORY else []
        return shlex.join(words)


def play(test: Test, told: Progress) -> tuple[Outcome, Work]:
    """Play it and check every row; also what the warehouse logged of its work. Raises what harness.run does."""
    profile, work = test.profile, Work()

    def examine(client: Any) -> None:
        nonlocal work
        work = read_work(client)

    scenario = Scenario(
        name=f"load-{profile.name}",
        synthetic=f"{max(round(profile.seconds), 1)}s",
        rate=f"{profile.trades_per_second:.2f}",
        times="now",
        seed=test.seed,
        slos=True,
        partitions=profile.partitions,
    )
    way = LocustWay(profile, test.seed, test.workers, test.ui)
    outcome = run(
        scenario, way=way, command=test.command, stack=test.stack, sql=test.sql, out=test.out, progress=told,
        examine=examine,
    )  # fmt: skip
    return outcome, work
