"""A frame comes after frames of its symbol that the exchange sent later.

It stands for two connections whose frames are merged, or a sender that retries. Nothing is lost and nothing changes
but the order: silver has the same trades, and since open and close go by time and id, every candle is the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.faults import FaultSpec, FrameFault, Outgoing, arriving_with

FARTHEST_FRAMES = 5


class Reorder(FrameFault):
    """Lets up to FARTHEST_FRAMES frames of the same symbol pass before a picked one."""

    name = "reorder"

    def __init__(self, spec: FaultSpec, seed: int) -> None:
        super().__init__(spec, seed)
        self._waiting: dict[tuple[str, str], list[tuple[int, Outgoing]]] = {}

    def inject(self, frame: Outgoing) -> list[Outgoing]:
        overtaken = self._waiting.pop((frame.exchange, frame.symbol), []) if frame.sent else []
        leaving = super().inject(frame)
        for frames_left, held in overtaken:
            if not leaving:  # the frame itself is held, and overtakes nothing yet
                self._wait(frames_left, held)
                continue
            reordered = arriving_with(frame, held if self._is_reordered(held) else self.tagged(held))
            if frames_left > 1:
                self._wait(frames_left - 1, reordered)
            else:
                leaving.append(reordered)
        return leaving

    def change(self, frame: Outgoing) -> Iterable[Outgoing]:
        self._wait(self._rng.randint(1, FARTHEST_FRAMES), frame)
        return []

    def heal(self) -> list[Outgoing]:
        """What nothing overtook leaves untagged: it was not reordered."""
        held = [frame for waiting in self._waiting.values() for _, frame in waiting]
        self._waiting.clear()
        self.changed -= sum(not self._is_reordered(frame) for frame in held)
        return sorted(held, key=lambda frame: frame.recv_ns)

    def _is_reordered(self, frame: Outgoing) -> bool:
        return self.name in frame.faults

    def _wait(self, frames: int, frame: Outgoing) -> None:
        self._waiting.setdefault((frame.exchange, frame.symbol), []).append((frames, frame))


FAULT = Reorder
