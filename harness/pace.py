"""When to send: schedules that are known before anything is sent, and how well they were kept.

Open loop: what is due when depends on the frames alone, never on how fast they could be sent, so that a
stalled sender shows as lateness and not as a lower rate.

    step = parse_rate("5000").start()
    due_ns = start_ns + step(captured.recv_ns, frame.trades)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Protocol

Step = Callable[[int, int], int | None]
"""(recv_ns of a frame, number of trades to send) -> ns after the start at which it is due; None means now.

A step is called once per frame, in order. A frame with k trades takes k places in a rate; with 0 trades it is
told the next place and takes none.
"""

_SECOND_NS: Final = 1_000_000_000
# Recordings played one after another may lie years apart, or overlap. Steps this large are the seam between
# two of them and not a silence: the next frame is due at once.
SEAM_AHEAD_NS: Final = 3600 * _SECOND_NS
SEAM_BACK_NS: Final = 10 * _SECOND_NS


class PaceError(ValueError):
    """A rate that cannot be understood."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The capture's own timing, `speed` times as fast; frames recorded out of order are due at once."""

    speed: Fraction

    def __str__(self) -> str:
        return f"{_plain(self.speed)}x"

    def start(self) -> Step:
        """A schedule that has not begun yet."""
        numerator, denominator = self.speed.numerator, self.speed.denominator
        origin_ns: int | None = None
        latest_ns = 0

        def step(recv_ns: int, trades: int) -> int:  # noqa: ARG001  # how many trades there are does not matter
            nonlocal origin_ns, latest_ns
            if origin_ns is None:
                origin_ns = latest_ns = recv_ns
            elif not -SEAM_BACK_NS <= recv_ns - latest_ns <= SEAM_AHEAD_NS:
                origin_ns += recv_ns - latest_ns
                latest_ns = recv_ns
            elif recv_ns > latest_ns:
                latest_ns = recv_ns
            return (latest_ns - origin_ns) * denominator // numerator

        return step


@dataclass(frozen=True, slots=True)
class Steady:
    """A constant rate in trades per second, whatever the capture's timing."""

    trades_per_second: Fraction

    def __str__(self) -> str:
        return _plain(self.trades_per_second)

    def start(self) -> Step:
        """A schedule that has not begun yet."""
        numerator = _SECOND_NS * self.trades_per_second.denominator
        denominator = self.trades_per_second.numerator
        sent = 0

        def step(recv_ns: int, trades: int) -> int:  # noqa: ARG001  # a rate does not look at recorded times
            nonlocal sent
            due_ns = sent * numerator // denominator
            sent += trades
            return due_ns

        return step


@dataclass(frozen=True, slots=True)
class Unpaced:
    """As fast as possible: everything is due at once, so nothing is ever late."""

    def __str__(self) -> str:
        return "max"

    def start(self) -> Step:
        """A schedule without times."""
        return lambda recv_ns, trades: None  # noqa: ARG005


class Pace(Protocol):
    """A schedule that can begin."""

    def start(self) -> Step:
        """The schedule from its beginning."""


def parse_rate(text: str) -> Pace:
    """Read `--rate`: `5000` (trades per second), `10x` (times the recorded speed), or `max`."""
    if text == "max":
        return Unpaced()
    matched = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(x?)", text)
    if matched is None:
        raise PaceError(
            f"rate {text!r} is not understood; give trades per second (5000), a multiple of the recorded "
            "speed (10x), or max"
        )
    number = Fraction(matched[1])
    if number == 0:
        raise PaceError(f"rate {text!r} would never send anything; give a number above 0, or max")
    return Recorded(number) if matched[2] else Steady(number)


class Lateness:
    """How late frames were sent, in ns, to 1 part in 32 and in bounded memory."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.max_ns = 0

    def add(self, late_ns: int) -> None:
        """Count one frame sent `late_ns` after it was due."""
        shift = max(late_ns.bit_length() - 6, 0)
        self._counts[late_ns >> shift << shift] += 1
        if late_ns > self.max_ns:
            self.max_ns = late_ns

    def percentile_ns(self, percent: int) -> int | None:
        """The lateness that `percent` % of the frames did not exceed; None with too few frames to say.

        Too few: fewer than ten lie above it.
        """
        total = self._counts.total()
        if total * (100 - percent) < 1000:
            return None
        rank = -(-total * percent // 100)
        seen = 0
        for late_ns in sorted(self._counts):
            seen += self._counts[late_ns]
            if seen >= rank:
                break
        return late_ns


def _plain(number: Fraction) -> str:
    return str(number.numerator) if number.denominator == 1 else str(float(number))
