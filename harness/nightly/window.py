"""What a night is: the rows that the warehouse wrote from `since` to `until`, a minute before it was asked.

Of what was written a minute ago everything is there: bronze, silver and all candles of one insert are committed one
after another, so what is being written now looks as if something were lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from harness.synthetic import parse_duration

_NS_PER_US: Final = 1000
_LONGEST_NS: Final = 30 * 86_400 * 10**9
SETTLED_NS: Final = 60 * 10**9
"""So long ago everything that was written together can be read together."""


class NightError(Exception):
    """A night that cannot be checked as asked; the message shows the value and what would do instead."""


@dataclass(frozen=True, slots=True)
class Window:
    """[since_ns, until_ns), ns since 1970. Nights of one length are compared with each other."""

    since_ns: int
    until_ns: int

    @property
    def night(self) -> date:
        """The day in UTC on which it ends; of two windows that end on one day, the later one counts."""
        return self.until.date()

    @property
    def since(self) -> datetime:
        """When it begins."""
        return _at(self.since_ns)

    @property
    def until(self) -> datetime:
        """When it ends."""
        return _at(self.until_ns)

    @property
    def asked_ns(self) -> int:
        """When it was asked, ns since 1970."""
        return self.until_ns + SETTLED_NS

    def settled(self, now_ns: int) -> Window:
        """This window, or an earlier one where the warehouse's clock, `now_ns`, is behind the one that it is from."""
        ahead_ns = max(self.asked_ns - now_ns, 0)
        return Window(self.since_ns - ahead_ns, self.until_ns - ahead_ns)

    @property
    def length_s(self) -> int:
        """How long it is."""
        return (self.until_ns - self.since_ns) // 10**9

    def of(self, column: str) -> str:
        """The condition in SQL that a time lies in the window."""
        return _between(column, self.since_ns, self.until_ns)

    def until_asked(self, column: str) -> str:
        """The condition in SQL that a time lies in the window, or after it and before it was asked."""
        return _between(column, self.since_ns, self.asked_ns)


def window_of(duration: str, asked_ns: int) -> Window:
    """The window of a duration such as 24h, asked at a moment. Raises NightError for what is no duration."""
    try:
        length_ns = parse_duration(duration)
    except ValueError as error:
        raise NightError(f"--since: {error}") from error
    if not 10**9 <= length_ns <= _LONGEST_NS:
        raise NightError(f"--since {duration} is not between 1s and 30d, which is how long silver is kept")
    until_ns = asked_ns - SETTLED_NS
    return Window(until_ns - length_ns, until_ns)


def _between(column: str, since_ns: int, until_ns: int) -> str:
    since, until = (f"fromUnixTimestamp64Micro({ns // _NS_PER_US}, 'UTC')" for ns in (since_ns, until_ns))
    return f"{column} >= {since} AND {column} < {until}"


def _at(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // 10**9, UTC)
