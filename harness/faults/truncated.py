"""A frame ends in the middle.

It stands for a fixed buffer somewhere on the way. What is left is no JSON, so the feed handler cannot say what it
is: it goes to the dead-letter topic, and is one dead letter, `unclassified`. Its trades are nowhere.
"""

from __future__ import annotations

from harness.faults.editing import EditFault, Sheet


class Truncated(EditFault):
    """Keeps at least the first character of a frame, and never all of them."""

    name = "truncated"

    def edited(self, sheet: Sheet) -> str | None:
        return sheet.text[: self._rng.randrange(sheet.frame.start + 1, sheet.frame.end)]


FAULT = Truncated
