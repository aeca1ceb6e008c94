"""An exchange sends its last frames once more, without being asked.

It stands for a failover between servers that overlap. Every copy is owed in bronze, and none of them may make a
second trade in silver.
"""

from __future__ import annotations

from typing import Final

from harness.faults.transport import Line, TransportFault

FRAMES: Final = 50


class Resend(TransportFault):
    """Sends the last FRAMES frames of a connection again."""

    name = "resend"

    def inject(self, line: Line) -> float | None:
        line.resend(FRAMES, self.name)
        return None


FAULT = Resend
