"""A value has another JSON type: a price in quotes that never had them, an id without, null for a side.

It stands for a new version of an exchange's encoder. A value whose type is not the documented one is not guessed
at: the frame is one dead letter of bronze, `malformed_` and what it is, and its trades are nowhere else.
"""

from __future__ import annotations

from harness.faults.editing import EditFault, Sheet, is_number
from harness.synthetic.fields import Role


class WrongType(EditFault):
    """Gives one value of one trade another type: in most cases what it was, with or without quotes, else null."""

    name = "wrong_type"

    def edited(self, sheet: Sheet) -> str | None:
        trade = self._rng.choice(sheet.trades)
        role = self._rng.choice([role for role in Role if role in trade.values])
        before = sheet.of(trade.values[role])
        after = self._rng.choice((_requoted(before), _requoted(before), "null"))
        return sheet.replaced(trade.values[role], after)


def _requoted(value: str) -> str:
    """The same text as another type."""
    if value[0] in "{[":
        return "null"
    if not value.startswith('"'):
        return f'"{value}"'
    return value[1:-1] if is_number(value[1:-1]) else "true"


FAULT = WrongType
