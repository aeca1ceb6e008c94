"""The pipeline loses a frame: it was received, and never reaches the topic.

It stands for a feed handler that drops what its queue cannot hold, or dies between receive and send. The frame is
owed, so a run with this fault must fail; one that passes shows that the checks do not see loss.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.faults import FrameFault, Outgoing


class Withhold(FrameFault):
    """Keeps picked frames back, as a broken feed handler would."""

    name = "withhold"

    def change(self, frame: Outgoing) -> Iterable[Outgoing]:
        return [self.tagged(frame, owed=True, sent=False)]


FAULT = Withhold
