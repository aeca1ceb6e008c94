"""The exchange says that it goes, and closes a connection properly, with one of several codes.

It stands for a deployment, an overload or the daily cut. What the client missed until it is back is sent again.
"""

from __future__ import annotations

from typing import Final

from harness.faults.transport import Ending, Line, TransportFault

ENDING: Final = Ending("close", resends=True, is_owed=True)
CODES: Final = (
    (1000, "bye"),
    (1001, "server is going away"),
    (1008, "policy"),
    (1011, "internal error"),
    (1012, "service restart"),
    (1013, "try again later"),
)


class CloseProperly(TransportFault):
    """Closes a connection with a code drawn from CODES."""

    name = "close"

    def inject(self, line: Line) -> float | None:
        line.close(*self.rng.choice(CODES), ENDING)
        return None


FAULT = CloseProperly
