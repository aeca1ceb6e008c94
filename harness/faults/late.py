"""A frame is received long after the exchange sent it; the detail says how long: late=1%:30s.

It stands for a congested line, a stalled relay or a backfill. Nothing is lost and no value of a trade changes:
silver has the trade with its own time and the late receive time, and the candles of its windows are computed anew.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import msgspec

from harness.faults import FaultSpec, FrameFault, Outgoing
from harness.synthetic.duration import parse_duration


class Late(FrameFault):
    """Holds picked frames until that much receive time has passed. Later frames overtake them, others do not wait."""

    name = "late"
    default_detail = "30s"

    def __init__(self, spec: FaultSpec, seed: int) -> None:
        super().__init__(spec, seed)
        self._delay_ns = parse_duration(self.detail)
        self._late: list[tuple[int, int, Outgoing]] = []

    @classmethod
    def check_detail(cls, detail: str) -> None:
        parse_duration(detail)

    def inject(self, frame: Outgoing) -> list[Outgoing]:
        before = []
        while self._late and self._late[0][0] <= frame.recv_ns:
            before.append(heapq.heappop(self._late)[2])
        return [*before, *super().inject(frame)]

    def change(self, frame: Outgoing) -> Iterable[Outgoing]:
        due_ns = frame.recv_ns + self._delay_ns
        late = msgspec.structs.replace(self.tagged(frame), recv_ns=due_ns)
        heapq.heappush(self._late, (due_ns, self.changed, late))
        return []

    def heal(self) -> list[Outgoing]:
        leaving = [frame for _, _, frame in sorted(self._late, key=lambda entry: entry[:2])]
        self._late.clear()
        return leaving


FAULT = Late
