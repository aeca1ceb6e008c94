"""The tables of a truth while and after they are made: in memory as long as they are small, and else on disk.

    spool = Spool(tables, directory)
    spool.add("silver_trades", rows)          # part by part
    spool["silver_trades"]                    # the whole table
    for rows in spool.slices("silver_trades", 250_000): ...

What is held is bounded by HELD_BYTES: above it every part moves to a file of its own (Arrow, so that reading some
columns reads no others), in a directory that is gone when nobody uses the spool any more.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from harness.truth.tables import Table

HELD_BYTES: Final = 512 * 2**20


class Spool(Mapping[str, pl.DataFrame]):
    """Tables by name, each in parts. `directory` is where files go, if any are needed."""

    def __init__(self, tables: Mapping[str, Table], directory: Path) -> None:
        self._tables = tables
        self._directory = directory
        self._parts: dict[str, list[pl.DataFrame | Path]] = {name: [] for name in tables}
        self._rows = dict.fromkeys(tables, 0)
        self._held_bytes = 0
        self._folder: Path | None = None

    def add(self, name: str, rows: pl.DataFrame) -> None:
        """One more part of a table."""
        if rows.is_empty():
            return
        self._parts[name].append(rows.select(self._tables[name].names))
        self._rows[name] += len(rows)
        self._held_bytes += int(rows.estimated_size())
        if self._held_bytes > HELD_BYTES:
            self._spill()

    def rows(self, name: str) -> int:
        """How many rows a table has."""
        return self._rows[name]

    def parts(self, name: str, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The parts of a table in their order, of these columns only."""
        chosen = list(columns or self._tables[name].names)
        for part in self._parts[name]:
            yield (pl.read_ipc(part, columns=chosen) if isinstance(part, Path) else part).select(chosen)

    def change(self, name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Replace each part of a table by what `change` makes of it, one after another."""
        for place, part in enumerate(self._parts[name]):
            before = pl.read_ipc(part) if isinstance(part, Path) else part
            after = change(before)
            if after is before:
                continue
            self._rows[name] += len(after) - len(before)
            if isinstance(part, Path):
                # What was read may still be mapped from the file, so that is not written over.
                new = part.with_suffix(".new")
                after.write_ipc(new, compression="lz4")
                new.replace(part)
            else:
                self._parts[name][place] = after

    def slices(self, name: str, most_rows: int) -> Iterator[pl.DataFrame]:
        """A table in frames of at most so many rows, and no smaller than parts make it necessary."""
        waiting: list[pl.DataFrame] = []
        count = 0
        for part in self.parts(name):
            if waiting and count + len(part) > most_rows:
                yield self._tables[name].frame(waiting)
                waiting, count = [], 0
            waiting.append(part)
            count += len(part)
            if count > most_rows:
                yield from self._tables[name].frame(waiting).iter_slices(most_rows)
                waiting, count = [], 0
        if waiting:
            yield self._tables[name].frame(waiting)

    def __getitem__(self, name: str) -> pl.DataFrame:
        return self._tables[name].frame(self.parts(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="truth-", dir=self._directory))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        for name, parts in self._parts.items():
            for place, part in enumerate(parts):
                if isinstance(part, pl.DataFrame):
                    path = self._folder / f"{name}-{place}.arrow"
                    part.write_ipc(path, compression="lz4")
                    parts[place] = path
        self._held_bytes = 0
