"""A connection is dead and nobody says so: the socket stays, nothing comes, nothing is answered.

It stands for a router that forgot the connection. The client has to notice the silence by itself and come back;
what it missed is sent again then.
"""

from __future__ import annotations

from typing import Final

from harness.faults.transport import Ending, Line, TransportFault

ENDING: Final = Ending("half_open", resends=True, is_owed=True)


class HalfOpen(TransportFault):
    """Falls silent for ever."""

    name = "half_open"

    def inject(self, line: Line) -> float | None:
        line.mute(ENDING)
        return None


FAULT = HalfOpen
