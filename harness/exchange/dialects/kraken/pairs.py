"""What both of Kraken's protocols share: names of pairs, the last trades of each, and how much may be asked."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable
from typing import Final

from harness.exchange.dialect import SECOND_NS

TOO_MANY: Final = "Exceeded msg rate"
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


class Requests:
    """The messages of one connection, against what it may send in a second."""

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        self._at_ns: deque[int] = deque()

    def is_over_the_limit(self, now_ns: int) -> bool:
        """Count one more message; True if it is one too many."""
        self._at_ns.append(now_ns)
        while self._at_ns[0] <= now_ns - SECOND_NS:
            self._at_ns.popleft()
        return len(self._at_ns) > self._per_s
