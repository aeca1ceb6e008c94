"""What both of Kraken's protocols share: names of pairs, and the last trades of each."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from typing import Final

_PAIR: Final = re.compile(r"[^\s,/\"\\]{1,32}/[^\s,/\"\\]{1,32}")


def is_pair(name: object) -> bool:
    """True for `BASE/QUOTE`; whether it is traded is not asked."""
    return isinstance(name, str) and _PAIR.fullmatch(name) is not None


class LastTrades:
    """The last `limit` trades of one pair, each once, in the order in which they happened first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._trades: OrderedDict[Hashable, bytes] = OrderedDict()

    def add(self, trades: Iterable[tuple[Hashable, bytes]]) -> None:
        """Append trades (identity, text); those that are there already were sent again."""
        for key, text in trades:
            if key not in self._trades:
                self._trades[key] = text
                if len(self._trades) > self._limit:
                    self._trades.popitem(last=False)

    def texts(self) -> list[bytes]:
        """The trades' own texts, oldest first."""
        return list(self._trades.values())
