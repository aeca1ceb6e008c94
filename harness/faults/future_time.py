"""A trade's time lies ahead; the detail says how far: future_time=1%:2d.

It stands for an exchange whose clock was set wrong, or a unit that changed. More than a day ahead, the trade is in
silver as invalid with `time_implausible`, and in no candle; nearer, it is valid and in the candle of the time it
names.
"""

from __future__ import annotations

from harness.faults import FaultSpec
from harness.faults.editing import ValueFault, moments
from harness.synthetic.duration import parse_duration
from harness.synthetic.fields import Role


class FutureTime(ValueFault):
    """Moves the time of one trade ahead, by whole seconds."""

    name = "future_time"
    roles = (Role.TIME,)
    default_detail = "2d"

    def __init__(self, spec: FaultSpec, seed: int) -> None:
        super().__init__(spec, seed)
        self._seconds = parse_duration(self.detail) // 10**9

    @classmethod
    def check_detail(cls, detail: str) -> None:
        parse_duration(detail)

    def changed_text(self, text: str) -> str | None:
        return moments.moved(text, self._seconds)


FAULT = FutureTime
