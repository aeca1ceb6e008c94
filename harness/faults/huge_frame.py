"""A frame is far larger than any that was ever seen; the detail says how large: huge_frame=3:256kB.

It stands for a debug field that was left in. The frame is as good as without it: every trade of it is in bronze,
silver and gold. Brokers refuse messages of 1 MB and more, so it stays below.
"""

from __future__ import annotations

import re
from typing import Final

from harness.faults import FaultSpec
from harness.faults.editing import EditFault, Sheet
from harness.faults.new_field import NAME

LARGEST_BYTES: Final = 1_000_000


class HugeFrame(EditFault):
    """Adds a field with a long text to one trade of a frame, until the frame has that many bytes."""

    name = "huge_frame"
    default_detail = "256kB"

    def __init__(self, spec: FaultSpec, seed: int) -> None:
        super().__init__(spec, seed)
        self._bytes = _size(self.detail)

    @classmethod
    def check_detail(cls, detail: str) -> None:
        _size(detail)

    def edited(self, sheet: Sheet) -> str | None:
        owner = self._rng.choice(sheet.trades).span
        bare = sheet.with_member(owner, len(owner.members), NAME, '""')
        filler = "x" * (self._bytes - len(bare.encode()))
        return sheet.with_member(owner, len(owner.members), NAME, f'"{filler}"') if filler else None


def _size(text: str) -> int:
    matched = re.fullmatch(r"([0-9]+)kB", text)
    size = int(matched[1]) * 1_000 if matched else 0
    if not 0 < size <= LARGEST_BYTES:
        raise ValueError(f"size {text!r} is not of 1kB to {LARGEST_BYTES // 1_000}kB")
    return size


FAULT = HugeFrame
