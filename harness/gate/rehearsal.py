"""The migration rehearsed: a warehouse with the base schema, trades flowing, and the candidate's new files applied to
it as it is.

What must hold: no trade is lost or doubled, what was there before is there after, consumption stands still for no
longer than PAUSE_LIMIT_S, and in the end the schema and every row are those of a warehouse that had the candidate from
the start. Then, if asked, once more with a warehouse that is killed (SIGKILL) after the first statement, started and
migrated again, killed after the second, and so on: nothing may be lost by that either.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_migrations.migrator import Migrator
from clickhouse_migrations.substitution import substitute

from harness.gate.applying import variables
from harness.gate.exactness import exactness
from harness.gate.findings import Databases, plain, row_diffs
from harness.gate.history import intact, remember
from harness.gate.live import FRESH, LIVE, Flow, flowing
from harness.gate.pauses import longest_pause
from harness.gate.policy import Policy
from harness.gate.rehearsed import Played, Rehearsed
from harness.gate.rows import RowDiff
from harness.gate.sides import Side, changed_files
from harness.gate.snapshot import Query, Snapshot, asking, snapshot
from harness.gate.structure import compare_structures
from harness.gate.tape import Tape
from harness.replay import ReplayError
from harness.run import Progress, Silent
from harness.truth import TruthError, compute, load
from k2pipeline.schema import SchemaError
from k2pipeline.stack import Stack, StackError

SECONDS: Final = 20.0
_BETWEEN_KILLS_S: Final = 0.5


def rehearse(
    base: Side,
    candidate: Side,
    directory: Path,
    *,
    rate: int,
    policy: Policy,
    seed: int = 1,
    seconds: float = SECONDS,
    killed: Iterable[bool] = (False,),
    progress: Progress | None = None,
) -> Rehearsed:
    """Rehearse the migration from base to candidate, in a directory below `directory`: once for each of `killed`, which
    says whether the warehouse is killed after each statement in turn.
    """
    told = progress or Silent()
    edited, added = changed_files(base, candidate)
    if skipped := _why_not(edited, added):
        return Rehearsed(rate, skipped=skipped, added=tuple(added))
    started = time.monotonic()
    tape = Tape(rate, round(rate * seconds / 2), seed)
    played: list[Played] = []
    statements: tuple[str, ...] = ()
    error = ""
    try:
        for is_killed in killed:
            with _stage(base, candidate, directory / ("rehearsal-killed" if is_killed else "rehearsal"), tape) as flow:
                statements = tuple(_pending(flow.running, base, candidate))
                deadly = statements if is_killed else ()
                played.append(_play(flow, policy, told, deadly, between=round(rate * _BETWEEN_KILLS_S)))
    except (SchemaError, ClickHouseError) as refusal:
        error = f"the live warehouse refuses the migration: {plain(refusal)}"
    except (StackError, ReplayError, TruthError) as failure:
        error = f"it broke off: {plain(failure)}"
    return Rehearsed(rate, statements, tuple(played), error=error, seconds=round(time.monotonic() - started, 1))


def _why_not(edited: Sequence[str], added: Sequence[str]) -> str:
    if edited:
        return f"the candidate edits {', '.join(edited)}; a warehouse that lives takes new files only"
    return "" if added else "the candidate adds no file"


@contextmanager
def _stage(base: Side, candidate: Side, directory: Path, tape: Tape) -> Iterator[Flow]:
    """Trades flowing; the warehouse's files are gone afterwards, the ledger stays."""
    try:
        with flowing(base, candidate, directory, tape) as flow:
            yield flow
    finally:
        shutil.rmtree(directory / "stack", ignore_errors=True)


def _pending(running: Stack, base: Side, candidate: Side) -> Iterator[str]:
    """The statements that the candidate adds to the base, as they are sent to the live warehouse."""
    known = base.files()
    for name, text in candidate.files().items():
        if name not in known:
            rendered = substitute(text, variables(running, LIVE).as_mapping(), name)
            yield from Migrator.script_to_statements(rendered, True)


def _play(flow: Flow, policy: Policy, told: Progress, deadly: Sequence[str], between: int) -> Played:
    """Migrate in the middle of the tape. Before that, for each of the statements of `deadly` in turn: begin the
    migration, kill the warehouse after the statement, start it, and let it take in trades, `between` of them.
    """
    told.stage("rehearsing, killed after each statement" if deadly else "rehearsing")
    flow.wait_for_half(told.advance)
    with flow.running.warehouse.client() as client:
        query = asking(client)
        before = snapshot(query, LIVE)
        remember(client.command, before, LIVE)
        began_us = _clock_us(query)
    started = time.monotonic()
    for number in range(1, len(deadly) + 1):
        told.advance(f"statement {number} of {len(deadly)}")
        _die_after(flow.running, deadly[:number])
        flow.wait_for_more(between)
    flow.migrate()
    migration_s = time.monotonic() - started
    with flow.running.warehouse.client() as client:
        ended_us = _clock_us(asking(client))
    stats, lag, over_us = flow.finish(told.advance)
    told.stage("comparing with the truth and with a fresh schema")
    with flow.running.warehouse.client() as client:
        query = asking(client)
        load(compute(stats.ledger_path), client)
        after, fresh = snapshot(query, LIVE), snapshot(query, FRESH)
        moved = compare_structures(before, after, policy.is_promised)
        return Played(
            kills=len(deadly),
            trades=stats.trades_sent,
            rate=stats.trades_per_second,
            migration_s=round(migration_s, 2),
            pause_s=longest_pause(query, after, LIVE, (began_us, ended_us, over_us)),
            never_taken_in=lag,
            tables=tuple(exactness(query, after, moved.name_after, LIVE)),
            history=tuple(intact(query, before, after, moved, LIVE, policy.volatile)),
            unlike_fresh=tuple(_unlike(query, fresh, after, policy, told.advance)),
        )


def _die_after(running: Stack, statements: Sequence[str]) -> None:
    """Run a part of the migration as the migrator would, and lose the warehouse."""
    with running.warehouse.client() as client:
        for statement in statements:
            client.command(statement)
    running.kill("warehouse")
    running.restart("warehouse")


def _clock_us(query: Query) -> int:
    (row,) = query("SELECT toUnixTimestamp64Micro(now64(6)) AS now_us")
    return int(row["now_us"])


def _unlike(
    query: Query, fresh: Snapshot, after: Snapshot, policy: Policy, advance: Callable[[str], None]
) -> Iterator[str]:
    diff = compare_structures(fresh, after, policy.is_promised)
    for each in diff.evidence:
        yield f"{each.object}: {each.part} {each.what}, unlike in a fresh schema"
    for rows in row_diffs(query, Databases(FRESH, LIVE, fresh, after, diff), policy.volatile, advance):
        if not rows.is_identical:
            yield f"{rows.object}: {_difference(rows)}, unlike in a fresh schema"


def _difference(rows: RowDiff) -> str:
    if rows.error:
        return f"cannot be compared: {rows.error}"
    counts = {name: getattr(rows, name) for name in ("lost", "appeared", "more", "fewer", "changed")}
    return ", ".join(f"{count:,} rows {name}" for name, count in counts.items() if count)
