"""A rate that changes over time, as an open-loop schedule: when each trade is due follows from the profile alone.

pace = Shaped(((0.0, 0.0), (30.0, 1000.0)))          # from 0 to 1,000 trades/s within 30 s, then the end
due_ns = pace.timetable()
at_ns = start_ns + due_ns(trades_before)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

Point = tuple[float, float]
"""(seconds after the start, trades per second)."""

_SECOND_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Shaped:
    """Straight lines between points of (seconds, trades/s); two points at one time are a jump. Ends at the last."""

    points: tuple[Point, ...]

    @property
    def seconds(self) -> float:
        """How long it goes on."""
        return self.points[-1][0]

    @property
    def trades(self) -> int:
        """How many trades are due in all of it."""
        return math.floor(sum(piece.trades for piece in self._pieces()) + 1e-9)

    def trades_by(self, seconds: float) -> float:
        """How many trades are due within so many seconds of the start."""
        return sum(piece.trades_by(seconds - piece.start_s) for piece in self._pieces() if piece.start_s < seconds)

    def timetable(self) -> Callable[[int], int]:
        """(how many trades went before, never fewer than last time) -> ns after the start.

        What goes beyond the end is due at the end. Senders that share a schedule ask it for the places they have.
        """
        pieces = self._pieces()
        piece = next(pieces, None)
        before = 0.0

        def due_ns(position: int) -> int:
            nonlocal piece, before
            while piece is not None and position - before >= piece.trades:
                before += piece.trades
                piece = next(pieces, None)
            seconds = self.seconds if piece is None else piece.start_s + piece.seconds_for(position - before)
            return int(seconds * _SECOND_NS)

        return due_ns

    def _pieces(self) -> Iterator[_Piece]:
        for (start_s, from_rate), (end_s, to_rate) in zip(self.points, self.points[1:], strict=False):
            if end_s > start_s:
                yield _Piece(start_s, end_s - start_s, from_rate, to_rate)


@dataclass(frozen=True, slots=True)
class _Piece:
    start_s: float
    seconds: float
    from_rate: float
    to_rate: float

    @property
    def trades(self) -> float:
        return self.seconds * (self.from_rate + self.to_rate) / 2

    def trades_by(self, seconds: float) -> float:
        """How many are due within so many seconds of this piece's start; all of them when it is over."""
        spent = min(seconds, self.seconds)
        return spent * (self.from_rate + (self.to_rate - self.from_rate) * spent / self.seconds / 2)

    def seconds_for(self, trades: float) -> float:
        """Seconds into this piece after which so many trades are due: the rate's integral, solved for time."""
        slope = (self.to_rate - self.from_rate) / self.seconds
        if slope == 0:
            return trades / self.from_rate
        # The root without cancellation: it stays exact where the slope is nearly nothing.
        root = math.sqrt(max(self.from_rate**2 + 2 * slope * trades, 0.0))
        return 2 * trades / (self.from_rate + root) if trades else 0.0
