"""From a ledger to the truth: every row that must exist once all of its frames have gone through the pipeline."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import polars as pl
import pyarrow.parquet as pq

from harness.truth.candles import candles
from harness.truth.draft import Part, draft
from harness.truth.exchange import Exchange
from harness.truth.silver import first_arrivals
from harness.truth.tables import DEAD_LETTERS, FRAMES, GAPS, SILVER, bronze_table

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
    """What must exist, by the name of the table; and what was sent.

    `trades_sent` counts the trades of frames that are understood, each copy of one; `distinct_trades` those that silver
    keeps. `duplicates_sent` are the trades that silver could hold and had already. `dead_letters` counts by layer and
    reason. Wide numbers and ids in `tables` are in bytes, see wide.py and identity.py.
    """

    tables: Mapping[str, pl.DataFrame]
    trades_sent: int
    distinct_trades: int
    duplicates_sent: int
    dead_letters: Mapping[tuple[str, str], int]


def truth_of(ledger: Path, exchanges: Mapping[str, Exchange]) -> Truth:
    """The truth of a ledger, which is read batch by batch."""
    parts: defaultdict[str, list[pl.DataFrame]] = defaultdict(list)
    for name, rows in _parts(ledger, exchanges):
        parts[name].append(rows)
    bronze = {
        name: bronze_table(exchange).frame(parts.pop(f"bronze_trades_{name}", ()))
        for name, exchange in exchanges.items()
    }
    letters = DEAD_LETTERS.frame(parts.pop("dead_letters", ()))
    arrivals = sum(map(len, parts["silver_trades"]))
    silver = SILVER.frame(first_arrivals(parts.pop("silver_trades")))
    return Truth(
        tables={
            "frames": FRAMES.frame(parts.pop("frames", ())),
            **{f"bronze_trades_{name}": rows for name, rows in bronze.items()},
            "dead_letters": letters,
            "silver_trades": silver,
            **{f"ohlcv_{window}": rows for window, rows in candles(silver).items()},
            "gaps": _gaps(GAPS.frame(parts.pop("gaps", ())), bronze),
        },
        trades_sent=sum(len(rows) for rows in bronze.values()),
        distinct_trades=len(silver),
        duplicates_sent=arrivals - len(silver),
        dead_letters={
            (layer, reason): count for layer, reason, count in letters.group_by("layer", "reason").len().iter_rows()
        },
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


def _gaps(unsent: pl.DataFrame, bronze: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Trades that no frame brought: what one frame left out may have come with another."""
    if unsent.is_empty():
        return unsent
    sent = pl.concat(rows.select("symbol", "trade_id", exchange=pl.lit(name)) for name, rows in bronze.items())
    return unsent.join(sent, on=_ID, how="anti").unique(_ID, keep="first", maintain_order=True)
