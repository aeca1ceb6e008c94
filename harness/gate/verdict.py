"""The four verdicts, and the evidence that leads to one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum


class Verdict(IntEnum):
    """What a change means for those who read the tables, in the order of how bad it is.

    IDENTICAL: same objects, same rows. ADDITIVE: something new, and all that was there is as it was. CHANGED: something
    that was there is different. BREAKING: something that was there is gone, or rows are lost, doubled or wrong.
    """

    IDENTICAL = 0
    ADDITIVE = 1
    CHANGED = 2
    BREAKING = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was found. `object` is the table or view, `part` what of it (`column price`, `rows`, `check ..`),
    `before` and `after` its definition or value where it has one. `rows` show it; `causes` are the trades behind them.
    """

    verdict: Verdict
    object: str
    part: str
    what: str
    before: str = ""
    after: str = ""
    rows: tuple[Mapping[str, str], ...] = ()
    causes: tuple[Mapping[str, str], ...] = ()


def worst(evidence: Iterable[Evidence]) -> Verdict:
    """The verdict that all evidence together leads to."""
    return max((each.verdict for each in evidence), default=Verdict.IDENTICAL)
