"""What a rehearsal found, as values, and what of it does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from harness.gate.exactness import Exactness
from harness.gate.history import Kept

PAUSE_LIMIT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Played:
    """One migration under way.

    `kills` is how often the warehouse was killed, after each statement in turn. `rate` is what was achieved, in trades
    a second. `pause_s` is how long consumption stood still at most, None where no table of trades has the warehouse's
    time of writing, which is a fault. `never_taken_in` counts messages; `unlike_fresh` says in words what differs from
    a warehouse that had the candidate from the start.
    """

    kills: int
    trades: int
    rate: float | None
    migration_s: float
    pause_s: float | None
    never_taken_in: int
    tables: tuple[Exactness, ...]
    history: tuple[Kept, ...]
    unlike_fresh: tuple[str, ...]

    @property
    def lost(self) -> int:
        """Rows of all tables of the truth that the warehouse does not have."""
        return sum(each.lost for each in self.tables)

    @property
    def doubled(self) -> int:
        """Rows that stand there twice, or stand for nothing that was sent."""
        return sum(each.doubled + each.phantom for each in self.tables)

    def faults(self) -> Iterator[str]:
        """What does not hold, in a sentence each."""
        when = "killed after each statement: " if self.kills else ""
        if not self.trades:
            yield f"{when}no trade was played, so nothing is shown"
        if self.never_taken_in:
            yield f"{when}{self.never_taken_in:,} messages were never taken in: consumption stands still"
        if not any(kept.rows for kept in self.history):
            yield f"{when}no row was there before the migration, so no history is shown to survive it"
        if not self.tables:
            yield f"{when}no table was compared with the truth"
        for each in self.tables:
            if not each.is_there:
                yield f"{when}{each.table} is gone, with its {each.lost:,} rows, and no rename of it is recognised"
            elif not each.is_exact:
                counts = f"{each.lost:,} rows lost, {each.doubled:,} doubled, {each.phantom:,} never sent"
                yield f"{when}{each.table}: {counts}"
        for kept in self.history:
            if not kept.is_intact:
                counts = f"{kept.lost:,} are lost and {kept.changed:,} changed"
                yield f"{when}{kept.table}: of {kept.rows:,} rows of its history {counts}"
        if self.pause_s is None:
            yield f"{when}no table tells when it was written, so how long consumption stood still is not known"
        # A killed warehouse is away for as long as it takes to start.
        if not self.kills and self.pause_s is not None and self.pause_s > PAUSE_LIMIT_S:
            yield f"consumption stood still for {self.pause_s:.1f} s; the limit is {PAUSE_LIMIT_S:g} s"
        yield from (f"{when}{each}" for each in self.unlike_fresh)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """All that was played, at `rate` trades a second; `skipped` says why nothing was, `error` what ended it. `added`
    are the candidate's new files: with one of them, a rehearsal that was skipped shows nothing and does not pass.
    """

    rate: int
    statements: tuple[str, ...] = ()
    played: tuple[Played, ...] = ()
    skipped: str = ""
    error: str = ""
    seconds: float = 0.0
    added: tuple[str, ...] = ()

    @property
    def refused(self) -> tuple[str, ...]:
        """Why the change does not pass, in a sentence each."""
        return tuple(f"rehearsal: {fault}" for fault in self._faults())

    def _faults(self) -> Iterator[str]:
        for each in self.played:
            yield from each.faults()
        if self.error:
            yield self.error
        if self.skipped and self.added:
            yield f"{', '.join(self.added)} would reach a warehouse that lives unrehearsed: skipped, {self.skipped}"
        if not (self.played or self.skipped or self.error):
            yield "nothing was played"

    def as_json(self) -> dict[str, Any]:
        """Its part of gate.json."""
        return {
            "rate": self.rate,
            "seconds": self.seconds,
            "skipped": self.skipped,
            "error": self.error,
            "added": list(self.added),
            "statements": list(self.statements),
            "pause_limit_s": PAUSE_LIMIT_S,
            "played": [asdict(each) for each in self.played],
            "refused": list(self.refused),
        }

    def lines(self) -> list[str]:
        """For a terminal."""
        if self.skipped:
            return [f"rehearsal: skipped, {self.skipped}"]
        ended = [f"rehearsal: {self.error}"] if self.error else []
        return [*(f"rehearsal: {_said(each, len(self.statements))}" for each in self.played), *ended]


def _said(each: Played, statements: int) -> str:
    how = f"{statements} statements" + (", killed after each in turn" if each.kills else "")
    figures = [
        f"{each.trades:,} trades" + ("" if each.rate is None else f" at {each.rate:,.0f}/s"),
        f"{each.lost} lost, {each.doubled} doubled",
        f"migrated in {each.migration_s:.1f} s",
        *([] if each.pause_s is None else [f"longest pause {each.pause_s:.2f} s"]),
    ]
    good = "as it must be" if not list(each.faults()) else "NOT as it must be"
    return f"{how}: {', '.join(figures)}; {good}"
