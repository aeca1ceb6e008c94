"""A connection is cut off by a TCP reset, and the exchange sends nothing again that it would not by itself.

What happens until the client is back is lost, save for what a snapshot brings. The pipeline cannot deliver what
it never got, so these frames are not owed; the missing ids must be found, and no others.
"""

from __future__ import annotations

from typing import Final

from harness.faults.transport import Ending, Line, TransportFault

ENDING: Final = Ending("hole", resends=False, is_owed=False)


class Hole(TransportFault):
    """Resets a connection and promises nothing."""

    name = "hole"

    def inject(self, line: Line) -> float | None:
        line.cut(ENDING)
        return None


FAULT = Hole
