"""An exchange sends its last frames once more, without being asked.

It stands for a failover between servers that overlap. Every copy is owed in bronze, and none of them may make a
second trade in silver.
"""

from __future__ import annotations

from harness.faults.transport import LAST_FRAMES, Line, TransportFault


class Resend(TransportFault):
    """Sends the last LAST_FRAMES frames of a connection again."""

    name = "resend"

    def suits(self, line: Line) -> bool:
        return line.has_frames

    def inject(self, line: Line) -> float | None:
        line.resend(LAST_FRAMES, self.name)
        return None


FAULT = Resend
