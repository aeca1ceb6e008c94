"""From gaps and evidence to causes. Pure: nothing here asks a warehouse or reads a file.

Evidence on a single id comes first (it was lost, it was refused), then what is known of the time in which ids are
missing (nobody was connected, nothing came of any symbol), then what only the truth of a run knows (it was never
sent). Ids that no trade has, because the exchange jumped ahead, are no trades missing, whatever the time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from harness.gaps.evidence import Evidence, Hole, Silence
from harness.gaps.model import Cause, Gap
from harness.gaps.sessions import Outage

# Frames that were under way when a connection ended are missing up to here before the log says so.
GRACE_NS: Final = 2 * 10**9
_SECOND_NS: Final = 10**9
_NOTHING: Final = (Cause.UNEXPLAINED, "nothing tells why")
Run = tuple[int, int, Cause, str]
"""First and last id, why they are missing, and the evidence of it."""


def explain(
    missing: Sequence[Hole],
    filled: Sequence[Hole],
    silences: Sequence[Silence],
    evidence: Evidence,
    outages: Sequence[Outage] = (),
) -> tuple[Gap, ...]:
    """Every gap with its cause, in the order of time."""
    of_holes = {hole: tuple(_missing(hole, silences, evidence, outages)) for hole in missing}
    gaps = [gap for parts in of_holes.values() for gap in parts]
    # A hole that is a jump is nothing missed, so it does not tell what a silence was.
    missed = [hole for hole, parts in of_holes.items() if any(gap.cause is not Cause.ID_JUMP for gap in parts)]
    gaps += [_late(hole) for hole in _joined(filled)]
    gaps += [_silent(silence, outages) for silence in silences if not _is_explained(silence, missed)]
    return tuple(sorted(gaps, key=lambda gap: (gap.from_ns, gap.exchange, gap.symbol, gap.first_id or 0)))


def _missing(hole: Hole, silences: Sequence[Silence], evidence: Evidence, outages: Sequence[Outage]) -> Iterator[Gap]:
    """One gap for each run of ids of the hole with one cause."""
    market = (hole.exchange, hole.symbol)
    known: dict[int, tuple[Cause, str]] = {}
    for cause, ids in (
        (Cause.NEVER_SENT, evidence.never_sent.get(market, {})),
        (Cause.REFUSED, evidence.refused.get(market, {})),
        (Cause.PIPELINE_LOSS, evidence.lost.get(market, {})),
    ):
        known |= {number: (cause, detail) for number, detail in ids.items() if hole.first_id <= number <= hole.last_id}
    while_away = _while_away(hole, silences, evidence, outages)
    for first, last, cause, detail in _runs(hole, known, evidence.jumps.get(market, ())):
        if while_away and cause in {Cause.NEVER_SENT, Cause.UNEXPLAINED}:
            cause, detail = while_away  # a better explanation of the same run
        yield Gap(hole.exchange, hole.symbol, cause, first, last, hole.from_ns, hole.until_ns, detail)


def _runs(hole: Hole, known: dict[int, tuple[Cause, str]], jumps: Sequence[tuple[int, int]]) -> Iterator[Run]:
    """Ids from one to another with one cause, through the whole hole."""
    at = hole.first_id
    for run in sorted(_known_runs(known)):
        yield from _between(at, run[0] - 1, jumps)
        yield run
        at = run[1] + 1
    yield from _between(at, hole.last_id, jumps)


def _known_runs(known: dict[int, tuple[Cause, str]]) -> Iterator[Run]:
    """Only ids that something is known of are looked at one by one."""
    for (cause, _), group in groupby(sorted(_neighbours(known)), key=lambda run: (run[2], run[0] - run[1])):
        runs = list(group)
        yield runs[0][1], runs[-1][1], cause, runs[0][3]


def _between(first: int, last: int, jumps: Sequence[tuple[int, int]]) -> Iterator[Run]:
    """Ids of which nothing is known but where the exchange jumped; a hole may have many of them, or be one."""
    if first > last:
        return
    for begins, ends in jumps[bisect_left(jumps, first, key=itemgetter(1)) :]:
        if begins > last:
            break
        if begins > first:
            yield first, begins - 1, *_NOTHING
        yield max(begins, first), min(ends, last), Cause.ID_JUMP, "no trade has these ids: the exchange jumped ahead"
        first = ends + 1
    if first <= last:
        yield first, last, *_NOTHING


def _neighbours(known: dict[int, tuple[Cause, str]]) -> Iterator[tuple[int, int, Cause, str]]:
    """(place in the order of ids, id, cause, detail): consecutive ids have one difference of the first two."""
    for place, (number, (cause, detail)) in enumerate(sorted(known.items())):
        yield place, number, cause, detail


def _while_away(
    hole: Hole, silences: Sequence[Silence], evidence: Evidence, outages: Sequence[Outage]
) -> tuple[Cause, str] | None:
    """What was the matter while these ids were missed, if anything was."""
    during = _during(hole)
    for outage in outages:
        if during(outage.exchange, outage.from_ns, outage.until_ns):
            seconds = (outage.until_ns - outage.from_ns) / 1e9
            return Cause.CONNECTION_LOSS, f"no connection for {seconds:.3f} s ({outage.detail})"
    for offsets in evidence.lost_offsets:
        if during(offsets.exchange, offsets.from_ns, offsets.until_ns):
            detail = f"offsets {offsets.first_id} to {offsets.last_id} of {offsets.symbol} are nowhere"
            return Cause.PIPELINE_LOSS, detail
    for silence in silences:
        if during(silence.exchange, silence.from_ns, silence.until_ns):
            seconds = (silence.until_ns - silence.from_ns) / 1e9
            return Cause.CONNECTION_LOSS, f"nothing came of any symbol for {seconds:.0f} s, and trades went on"
    return None


def _during(hole: Hole) -> Callable[[str, int, int], bool]:
    """Whether a time of an exchange overlaps with that of the hole."""

    def is_during(exchange: str, from_ns: int, until_ns: int) -> bool:
        is_after = hole.until_ns + GRACE_NS >= from_ns
        return exchange == hole.exchange and is_after and hole.from_ns <= until_ns + GRACE_NS

    return is_during


def _is_explained(silence: Silence, missing: Iterable[Hole]) -> bool:
    """Whether ids are missing across the silence: then these are the gap."""
    return any(_during(hole)(silence.exchange, silence.from_ns, silence.until_ns) for hole in missing)


def _silent(silence: Silence, outages: Sequence[Outage]) -> Gap:
    cause, detail = Cause.EXCHANGE_HALT, "nothing came of any symbol, and the ids go on where they were"
    if not silence.ends:
        cause, detail = Cause.UNEXPLAINED, "nothing has come of any symbol since"
    for outage in outages:
        if outage.exchange == silence.exchange and outage.from_ns <= silence.until_ns <= outage.until_ns + GRACE_NS:
            cause, detail = Cause.CONNECTION_LOSS, f"no connection ({outage.detail}), and nothing was missed"
    return Gap(silence.exchange, "", cause, None, None, silence.from_ns, silence.until_ns, detail)


def _late(hole: Hole) -> Gap:
    seconds = (hole.until_ns - hole.from_ns) / 1e9
    detail = f"came {seconds:,.3f} s after a later trade"
    return Gap(
        hole.exchange, hole.symbol, Cause.LATE_ARRIVAL, hole.first_id, hole.last_id, hole.from_ns, hole.until_ns, detail
    )


def _joined(filled: Sequence[Hole]) -> Iterator[Hole]:
    """Late ids that follow each other and came within a second are one gap."""
    pending: Hole | None = None
    for hole in sorted(filled, key=lambda each: (each.exchange, each.symbol, each.first_id)):
        if pending and _continues(pending, hole):
            pending = Hole(
                pending.exchange,
                pending.symbol,
                pending.first_id,
                hole.last_id,
                min(pending.from_ns, hole.from_ns),
                max(pending.until_ns, hole.until_ns),
            )
            continue
        if pending:
            yield pending
        pending = hole
    if pending:
        yield pending


def _continues(before: Hole, after: Hole) -> bool:
    is_next = (before.exchange, before.symbol, before.last_id + 1) == (after.exchange, after.symbol, after.first_id)
    return is_next and abs(after.until_ns - before.until_ns) < _SECOND_NS
