"""A connection stands still for a moment, and then brings all that happened meanwhile.

It stands for a long pause of a server or a congested line. Nothing is lost; everything is late and comes at once.
"""

from __future__ import annotations

from typing import Final

from harness.faults.transport import Line, TransportFault

LONGEST_S: Final = 1.5


class Stall(TransportFault):
    """Holds back what is sent for up to LONGEST_S seconds."""

    name = "stall"

    def inject(self, line: Line) -> float | None:
        line.hold()
        return LONGEST_S * (1 - self.rng.random())

    def heal(self, line: Line) -> None:
        line.release()


FAULT = Stall
