"""The exchange sends a frame twice.

It happens after a reconnect (Kraken resends the last 50 trades), with two connections for safety, or when a feed
handler is started while the old one still runs. The copy comes right after its original or some frames later, and
is owed like any frame: it must be in bronze under its own offset, and make no second silver trade.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.faults import FrameFault, Outgoing

FARTHEST_FRAMES = 50


class Duplicate(FrameFault):
    """Sends a picked frame as it is, and a tagged copy of it up to FARTHEST_FRAMES trade frames later."""

    name = "duplicate"

    def change(self, frame: Outgoing) -> Iterable[Outgoing]:
        copy = self.tagged(frame)
        if self._rng.randrange(2):
            return [frame, copy]
        self.hold(copy, self._rng.randint(1, FARTHEST_FRAMES))
        return [frame]


FAULT = Duplicate
