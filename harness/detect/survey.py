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
    """Score every case. The clean ones come first: the first of them is what the faults are compared with."""
    started = time.monotonic()
    scores: list[CaseScore] = []
    clean: Played | None = None
    for number, case in enumerate(cases, 1):
        told(f"{case.name} ({number} of {len(cases)})")
        played = player.play(case)
        if clean is None:
            if case.fault is not None:
                raise ValueError(f"the first case is {case.name}; a clean one has to come first, to compare with")
            clean = played
        scores.append(score(played, clean, EXCHANGES))
    return Report(tuple(scores), command, round(time.monotonic() - started, 1))
