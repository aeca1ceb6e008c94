"""A connection is cut off by a TCP reset, and what it missed is sent to whoever comes back.

It stands for a lost route or a crashed server behind an exchange that covers for it. Frames that were handed to
the socket before may have arrived or not: all that the client has not answered for is sent again. So nothing may
be lost, and what arrives twice must collapse.
"""

from __future__ import annotations

from typing import Final

from harness.faults.transport import Ending, Line, TransportFault

ENDING: Final = Ending("disconnect", resends=True, is_owed=True)


class Disconnect(TransportFault):
    """Resets a connection."""

    name = "disconnect"

    def inject(self, line: Line) -> float | None:
        line.cut(ENDING)
        return None


FAULT = Disconnect
