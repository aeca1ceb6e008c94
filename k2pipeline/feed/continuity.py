"""Missing trade ids, noticed as frames pass: a cheap sign for an alert, not the proof, which the checks are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Continuity:
    """The consecutive ids of one connection, per symbol. Ids at or below the last one are a resend and no gap."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._last: dict[str, int] = {}

    def see(self, symbol: str, ids: Sequence[int]) -> int:
        """How many ids are missing before or between those of a frame (at least one, in any order)."""
        if len(ids) > 1:
            ids = sorted(ids)
        last = self._last.get(symbol)
        if last is None:
            self._first[symbol] = ids[0]
            last = ids[0] - 1
        missing = 0
        for number in ids:
            if number > last:
                missing += number - last - 1
                last = number
        self._last[symbol] = last
        return missing

    def follow(self, previous: Continuity) -> Mapping[str, int]:
        """Take over where `previous` ended; gives how many ids of which symbols neither of the two has seen.

        A gap of a symbol that is yet to come here is seen when it comes.
        """
        missing: dict[str, int] = {}
        for symbol, last in previous._last.items():
            first = self._first.setdefault(symbol, last)
            self._last[symbol] = max(last, self._last.get(symbol, last))
            if first > last + 1:
                missing[symbol] = first - last - 1
        return missing
