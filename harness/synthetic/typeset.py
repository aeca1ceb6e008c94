"""Sets rows of text column by column, all rows at once: ten times as fast as formatting row by row.

    sheet = Sheet(2)
    sheet.text('{"price":')
    sheet.decimal(np.array([8409570, 99]), 2)
    sheet.text("}")
    assert sheet.lines() == [b'{"price":84095.70}', b'{"price":0.99}']

Every column is as wide as its widest text; shorter ones are filled up with zero bytes, which are struck out at the
end. So texts are ASCII without NUL, and hold no line feed, which ends a row.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.synthetic.draws import Integers

_GROUP: Final = 4
_BASE: Final = 10**_GROUP
Column = NDArray[np.uint8]


def _lookup(pattern: str) -> NDArray[np.uint32]:
    """Give the four bytes of each number of up to four digits, as one integer."""
    texts = b"".join((pattern % number).encode() for number in range(_BASE))
    return np.frombuffer(texts.replace(b" ", b"\0"), "<u4").astype("<u4")


_ALL_DIGITS: Final = _lookup("%04d")
_NO_LEADING_ZEROS: Final = _lookup("%4d")


def stacked(texts: Sequence[str]) -> Column:
    """Make texts ready to choose from."""
    width = max(map(len, texts))
    letters = b"".join(text.encode("ascii").ljust(width, b"\0") for text in texts)
    return np.frombuffer(letters, np.uint8).reshape(len(texts), width)


_POINT: Final = stacked(("", "."))


class Sheet:
    """Rows under construction. Mutable: each call adds a column to the right."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._columns: list[Column] = []

    def text(self, text: str) -> None:
        """Add the same text to every row."""
        letters = np.frombuffer(text.encode("ascii"), np.uint8)
        self._columns.append(np.broadcast_to(letters, (self._rows, len(letters))))

    def choice(self, texts: Column, which: Integers) -> None:
        """Add to each row one of the stacked texts, by its place."""
        self._columns.append(texts[which])

    def integer(self, values: Integers) -> None:
        """Add non-negative integers as people write them."""
        groups = -(-len(str(int(values.max(initial=0)))) // _GROUP)
        out = np.empty((self._rows, groups), "<u4")
        rest = values
        for group in reversed(range(groups)):
            more = rest // _BASE
            last = rest - more * _BASE
            out[:, group] = np.where(more > 0, _ALL_DIGITS[last], _NO_LEADING_ZEROS[last])
            if group < groups - 1:
                out[:, group][rest == 0] = 0
            rest = more
        self._columns.append(out.view(np.uint8))

    def digits(self, values: Integers, width: int) -> None:
        """Add non-negative integers of up to `width` digits, with zeros in front."""
        self._columns.append(self._digits(values, width))

    def decimal(self, units: Integers, places: Integers | int) -> None:
        """Add non-negative units of 10**-places as plain decimals with exactly that many places, up to 18."""
        each = np.broadcast_to(np.asarray(places, np.int64), self._rows)
        one = 10**each
        whole = units // one
        self.integer(whole)
        self.choice(_POINT, (each > 0).astype(np.int64))
        most = int(each.max(initial=0))
        part = self._digits((units - whole * one) * 10 ** (most - each), most)
        self._columns.append(np.where(np.arange(most) < each[:, None], part, np.uint8(0)))

    def lines(self) -> list[bytes]:
        """Give the text of all rows, cut at line feeds, so that a row without one goes on in the next.

        The last row has to end in one.
        """
        if not self._rows:
            return []
        letters = np.concatenate(self._columns, axis=1).tobytes().translate(None, b"\0")
        return letters.split(b"\n")[:-1]

    def _digits(self, values: Integers, width: int) -> Column:
        groups = -(-width // _GROUP)
        out = np.empty((self._rows, groups), "<u4")
        rest = values
        for group in reversed(range(groups)):
            more = rest // _BASE
            out[:, group] = _ALL_DIGITS[rest - more * _BASE]
            rest = more
        return out.view(np.uint8)[:, _GROUP * groups - width :]
