"""A trade's time lies far back; the detail says how far: ancient_time=1%:10000d.

It stands for a clock that was reset, or a unit that changed. Before Bitcoin's first block, the trade is in silver
as invalid with `time_implausible`, and in no candle; after it, it is valid and in the candle of the time it names.
"""

from __future__ import annotations

from harness.faults import FaultSpec
from harness.faults.editing import ValueFault, moments
from harness.synthetic.duration import parse_duration
from harness.synthetic.fields import Role


class AncientTime(ValueFault):
    """Moves the time of one trade back, by whole seconds."""

    name = "ancient_time"
    roles = (Role.TIME,)
    default_detail = "10000d"

    def __init__(self, spec: FaultSpec, seed: int) -> None:
        super().__init__(spec, seed)
        self._seconds = parse_duration(self.detail) // 10**9

    @classmethod
    def check_detail(cls, detail: str) -> None:
        parse_duration(detail)

    def changed_text(self, text: str) -> str | None:
        return moments.moved(text, -self._seconds)


FAULT = AncientTime
