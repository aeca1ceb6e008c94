"""A value of a trade comes under another name.

It stands for a new version of an exchange's API. What is not there under its documented name is missing: the frame
is one dead letter of bronze, `malformed_` and what it is, and its trades are nowhere else. Trades that are arrays
have no names.
"""

from __future__ import annotations

import json

from harness.faults.editing import EditFault, Sheet
from harness.synthetic.fields import Role


class RenamedField(EditFault):
    """Renames one needed value of one trade."""

    name = "renamed_field"

    def edited(self, sheet: Sheet) -> str | None:
        trade = self._rng.choice(sheet.trades)
        named = [trade.values[role] for role in Role if role in trade.values and trade.values[role].key_start >= 0]
        if not named:
            return None
        value = self._rng.choice(named)
        return sheet.text[: value.key_start] + json.dumps(f"{value.key}_2") + sheet.text[value.key_end :]


FAULT = RenamedField
