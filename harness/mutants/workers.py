"""Trials side by side: a few processes, each with an engine of its own."""

from __future__ import annotations

import multiprocessing
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from harness.mutants.derive import Mutant
from harness.mutants.schema import Schema
from harness.mutants.trial import Court, Trial

_TOGETHER: Final = 16

_court: Court | None = None


def try_all(schema: Schema, mutants: Sequence[Mutant], jobs: int) -> Iterator[Trial]:
    """The trials of mutants, as they end. Raises what a worker raises, UnsoundSchemaError above all."""
    with tempfile.TemporaryDirectory(prefix="k2-mutants-") as directory:
        if jobs == 1:
            yield from _here(schema, Path(directory), mutants)
            return
        # Spawned: an engine that was opened before a fork would be shared by both sides.
        context = multiprocessing.get_context("spawn")
        opened = context.Queue()
        with context.Pool(jobs, _open, (schema, directory, opened)) as pool:
            _await(opened, jobs)
            # Those of one object stand together, and share what a worker knows of the object.
            together = max(1, min(_TOGETHER, len(mutants) // (8 * jobs)))
            yield from pool.imap_unordered(_try, mutants, chunksize=together)


def _here(schema: Schema, directory: Path, mutants: Sequence[Mutant]) -> Iterator[Trial]:
    court = Court(schema, directory / "engine")
    try:
        court.open()
        for mutant in mutants:
            yield court.try_(mutant)
    finally:
        court.close()


def _await(opened: Any, jobs: int) -> None:
    """A worker that cannot open would be started again for ever, so each says how it went."""
    for _ in range(jobs):
        error = opened.get()
        if error is not None:
            raise error


def _open(schema: Schema, directory: str, opened: Any) -> None:
    global _court
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tell: Callable[[BaseException | None], None] = opened.put
    try:
        _court = Court(schema, Path(tempfile.mkdtemp(dir=directory)))
        _court.open()
    except Exception as error:  # noqa: BLE001  # the parent raises it
        tell(error)
        _court = None
    else:
        tell(None)


def _try(mutant: Mutant) -> Trial:
    if _court is None:
        raise RuntimeError("this worker has no court; its error was told before")
    return _court.try_(mutant)
