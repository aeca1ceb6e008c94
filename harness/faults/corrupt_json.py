"""A mark of JSON in a frame is another one: a bracket, comma or colon too few or in the wrong place.

It stands for a bug in the exchange's encoder, or in a proxy between. The frame is no JSON any more, so no feed
handler can say what it is: it goes to the dead-letter topic, and is one dead letter, `unclassified`. Its trades are
nowhere.
"""

from __future__ import annotations

from typing import Final

from harness.faults.editing import EditFault, Sheet
from harness.faults.editing.spans import spans

MARKS: Final = '{}[]:,"'
_TRIES: Final = 100


class CorruptJson(EditFault):
    """Puts another mark in the place of one."""

    name = "corrupt_json"

    def edited(self, sheet: Sheet) -> str | None:
        places = [place for place, letter in enumerate(sheet.text) if letter in MARKS]
        for _ in range(_TRIES):
            place = self._rng.choice(places)
            text = sheet.text[:place] + self._rng.choice(MARKS) + sheet.text[place + 1 :]
            if not _is_json(text):
                return text
        return None


def _is_json(text: str) -> bool:
    try:
        spans(text)
    except ValueError:
        return False
    return True


FAULT = CorruptJson
