"""A frame has a field that no documentation knows.

It stands for what exchanges do every few months without a word. Nobody may mind: every trade of the frame is in
bronze, silver and gold as if the field were not there.
"""

from __future__ import annotations

from typing import Final

from harness.faults.editing import EditFault, Sheet

NAME: Final = "newField"
VALUES: Final = ('"1.5"', "7", "true", "null", '{"price":"1","data":[]}', '["trade",{"t":1}]')


class NewField(EditFault):
    """Adds a member to one trade of a frame, anywhere in an object, at the end of an array."""

    name = "new_field"

    def edited(self, sheet: Sheet) -> str | None:
        owner = self._rng.choice(sheet.trades).span
        place = self._rng.randrange(len(owner.members) + 1)
        return sheet.with_member(owner, place, NAME, self._rng.choice(VALUES))


FAULT = NewField
