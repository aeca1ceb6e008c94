"""Trade ids that a tape itself leaves out: the exchange gave them to no trade, so nobody is owed one.

A ledger cannot tell them from trades whose only frame a fault has spoilt beyond reading. The tape can, as it was before
any fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, islice
from operator import attrgetter
from typing import Final

import polars as pl

from harness.captures import CapturedFrame
from harness.truth.exchange import Exchange
from harness.truth.tables import ID_JUMPS

BATCH_FRAMES: Final = 32_768


def jumps_of(tape: Iterable[CapturedFrame], exchanges: Mapping[str, Exchange]) -> pl.DataFrame:
    """The ranges of ids between two of a symbol that no trade of the tape has; columns as ID_JUMPS says."""
    last: dict[str, pl.DataFrame] = {}
    parts = []
    for name, frames in _batches(tape):
        trades = exchanges[name].read(frames).trades.select("symbol", "trade_id").drop_nulls()
        ids = pl.concat([trades, last.get(name, trades.clear())]).unique()
        parts.append(_left_out(name, ids))
        last[name] = ids.group_by("symbol").agg(pl.col("trade_id").max())
    return ID_JUMPS.frame(parts)


def _left_out(exchange: str, ids: pl.DataFrame) -> pl.DataFrame:
    before = pl.col("trade_id").shift(1).over("symbol")
    return (
        ids.sort("symbol", "trade_id")
        .with_columns(before=before)
        .filter(pl.col("trade_id") > pl.col("before") + 1)
        .select("symbol", exchange=pl.lit(exchange), first_id=pl.col("before") + 1, last_id=pl.col("trade_id") - 1)
        .select(ID_JUMPS.names)
    )


def _batches(tape: Iterable[CapturedFrame]) -> Iterator[tuple[str, pl.Series]]:
    """Some frames at a time, and of these each exchange's."""
    frames = iter(tape)
    while batch := sorted(islice(frames, BATCH_FRAMES), key=attrgetter("exchange")):
        for name, group in groupby(batch, key=attrgetter("exchange")):
            yield name, pl.Series([captured.frame for captured in group], dtype=pl.Binary)
