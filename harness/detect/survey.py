"""Plays all cases and scores them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from harness.detect.bench import Played
from harness.detect.cases import Case
from harness.detect.score import CaseScore, Report, score
from k2pipeline.exchanges import EXCHANGES

Told = Callable[[str], None]


class Player(Protocol):
    """What plays a case."""

    def play(self, case: Case) -> Played:
        """See Bench.play."""


def detect(cases: Sequence[Case], player: Player, *, command: str = "", told: Told = lambda _: None) -> Report:
    """Score every case. The clean ones come first: a fault is compared with that of its seed."""
    started = time.monotonic()
    scores: list[CaseScore] = []
    clean: dict[int, Played] = {}
    checks: dict[str, None] = {}
    for number, case in enumerate(cases, 1):
        told(f"{case.name} ({number} of {len(cases)})")
        played = player.play(case)
        if case.fault is None:
            clean[case.seed] = played
        elif case.seed not in clean:
            raise ValueError(f"{case.name} has seed {case.seed}; a clean case of that seed has to come first")
        checks |= dict.fromkeys(f"{check.suite}.{check.name}" for check in played.checks)
        scores.append(score(played, clean[case.seed], EXCHANGES))
    return Report(tuple(scores), command, round(time.monotonic() - started, 1), tuple(checks))
