"""From a ledger to the truth: every row that must exist once all of its frames have gone through the pipeline."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import polars as pl
import pyarrow.parquet as pq

from harness.captures import CapturedFrame
from harness.truth.candles import candles
from harness.truth.draft import Part, draft
from harness.truth.exchange import Exchange
from harness.truth.jumps import jumps_of
from harness.truth.silver import keep_first_arrivals
from harness.truth.spool import Spool
from harness.truth.tables import GAPS, tables

BATCH_FRAMES: Final = 32_768

# While one batch is in polars, which needs no GIL, another is decoded.
_WORKERS: Final = 2
_AHEAD: Final = 3
_COLUMNS: Final = (
    *("seq", "exchange", "symbol", "kind", "recv_ns", "scheduled_ns", "sent_ns", "acked_ns"),
    *("topic", "partition", "offset", "faults", "owed", "frame"),
)
_ID: Final = ("exchange", "symbol", "trade_id")


@dataclass(frozen=True)
class Truth:
    """What must exist, by the name of the table, on disk where it is much; and what was sent.

    `trades_sent` counts the trades of frames that are understood, each copy of one; `distinct_trades` those that silver
    keeps. `duplicates_sent` are the trades that silver could hold and had already. `dead_letters` counts by layer and
    reason. Wide numbers and ids in `tables` are in bytes, see wide.py and identity.py.
    """

    tables: Spool
    trades_sent: int
    distinct_trades: int
    duplicates_sent: int
    dead_letters: Mapping[tuple[str, str], int]


def truth_of(ledger: Path, exchanges: Mapping[str, Exchange], tape: Iterable[CapturedFrame] = ()) -> Truth:
    """The truth of a ledger, which is read batch by batch; see `compute` for the tape."""
    spool = Spool(tables(exchanges.values()), ledger.parent)
    unsent: list[pl.DataFrame] = []
    for name, rows in _parts(ledger, exchanges):
        if name == "gaps":
            unsent.append(rows)
        else:
            spool.add(name, rows)
    arrivals = spool.rows("silver_trades")
    keep_first_arrivals(spool)
    for name, rows in candles(spool):
        spool.add(name, rows)
    bronze = [f"bronze_trades_{name}" for name in exchanges]
    spool.add("gaps", _gaps(GAPS.frame(unsent), spool, bronze))
    spool.add("id_jumps", jumps_of(tape, exchanges))
    letters = pl.concat(spool.parts("dead_letters", ("layer", "reason"))) if spool.rows("dead_letters") else None
    return Truth(
        tables=spool,
        trades_sent=sum(map(spool.rows, bronze)),
        distinct_trades=spool.rows("silver_trades"),
        duplicates_sent=arrivals - spool.rows("silver_trades"),
        dead_letters={}
        if letters is None
        else {(layer, reason): count for layer, reason, count in letters.group_by("layer", "reason").len().iter_rows()},
    )


def _parts(ledger: Path, exchanges: Mapping[str, Exchange]) -> Iterator[Part]:
    """What all batches bring, in their order, with a few batches in memory."""
    pending: deque[Future[list[Part]]] = deque()
    with pq.ParquetFile(ledger) as file, ThreadPoolExecutor(_WORKERS, thread_name_prefix="truth") as pool:
        for frames in _batches(file):
            pending.append(pool.submit(draft, frames, exchanges))
            if len(pending) == _AHEAD:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()


def _batches(file: pq.ParquetFile) -> Iterator[pl.DataFrame]:
    """Group by group, for the writer of a ledger bounds the bytes of a group."""
    for group in range(file.num_row_groups):
        for batch in file.iter_batches(BATCH_FRAMES, row_groups=[group], columns=list(_COLUMNS)):
            yield cast(pl.DataFrame, pl.from_arrow(batch))


def _gaps(unsent: pl.DataFrame, spool: Spool, bronze: Iterable[str]) -> pl.DataFrame:
    """Trades that no frame brought: what one frame left out may have come with another."""
    for name in bronze:
        if unsent.is_empty():
            break
        exchange = pl.lit(name.removeprefix("bronze_trades_"))
        for part in spool.parts(name, ("symbol", "trade_id")):
            unsent = unsent.join(part.with_columns(exchange=exchange), on=_ID, how="anti", maintain_order="left")
    return unsent.unique(_ID, keep="first", maintain_order=True)
