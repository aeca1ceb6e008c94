"""The slow way through the frames that the swift way left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import polars as pl

from harness.truth.exchange import Column, Reading, bronze_frame
from harness.truth.json_text import Json, NotJson, read_json

Row: TypeAlias = tuple[object, ...]
"""The values of a bronze row, in the order of the exchange's `bronze`."""
Judge: TypeAlias = Callable[[Json], "list[Row] | str"]
"""What a frame's JSON must become: rows, or the reason of a letter."""


def complete(frames: pl.Series, swift_trades: pl.DataFrame, bronze: Mapping[str, Column], judge: Judge) -> Reading:
    """The reading of all frames: `swift_trades`, and what becomes of the frames that have no row in them."""
    done = swift_trades["row"].unique()
    if len(done) == len(frames):
        return Reading(swift_trades.sort("row", "trade_index"), {})
    letters: dict[int, str] = {}
    values: list[Row] = []
    for row in sorted(set(range(len(frames))).difference(done)):
        judged = _judged(frames[row], judge)
        if isinstance(judged, str):
            letters[row] = judged
        else:
            values.extend((row, index, *trade) for index, trade in enumerate(judged))
    names = ("row", "trade_index", *bronze)
    trades = bronze_frame(bronze, dict(zip(names, zip(*values, strict=True), strict=False)))
    return Reading(pl.concat([swift_trades, trades]).sort("row", "trade_index"), letters)


def _judged(frame: bytes, judge: Judge) -> list[Row] | str:
    try:
        sent = read_json(frame)
    except NotJson:
        return "not_json"
    return judge(sent)
