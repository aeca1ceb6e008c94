"""A trade comes without one of the values that make it: its symbol, id, price, size, time or side.

It stands for an exchange that drops a field it had long announced to drop. The frame is one dead letter of bronze,
`malformed_` and what is missing. Where a trade is an array, what follows moves up, and the trade is a letter of
bronze or silver for the value that then stands in the wrong place.
"""

from __future__ import annotations

from harness.faults.editing import EditFault, Sheet
from harness.synthetic.fields import Role


class MissingField(EditFault):
    """Removes one needed value of one trade."""

    name = "missing_field"

    def edited(self, sheet: Sheet) -> str | None:
        trade = self._rng.choice(sheet.trades)
        roles = [role for role in Role if role in trade.values and trade.values[role] in trade.span.members]
        if not roles:
            return None
        return sheet.without_member(trade.span, trade.values[self._rng.choice(roles)])


FAULT = MissingField
