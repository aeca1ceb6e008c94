"""The exchange never sends a frame: its trades happened, and their ids are missing.

It stands for a disconnect that no resend covers, or a slow reader whom the exchange drops messages for. The
pipeline cannot deliver what it never got, so the frame is not owed; it must report the missing ids, and no others.
A gap is ids missing between two that were seen, so the first frame of a symbol is never taken.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.faults import FaultSpec, FrameFault, Outgoing


class Gap(FrameFault):
    """Takes picked frames out before the topic."""

    name = "gap"

    def __init__(self, spec: FaultSpec, seed: int) -> None:
        super().__init__(spec, seed)
        self._symbols: set[tuple[str, str]] = set()

    def inject(self, frame: Outgoing) -> list[Outgoing]:
        symbol = (frame.exchange, frame.symbol)
        if symbol not in self._symbols:
            self._symbols.add(symbol)
            return [frame]
        return super().inject(frame)

    def change(self, frame: Outgoing) -> Iterable[Outgoing]:
        return [self.tagged(frame, owed=False, sent=False)]


FAULT = Gap
