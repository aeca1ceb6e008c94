"""Lists of key and value of what a trade has, leaving out what it has not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import polars as pl
import pyarrow as pa

MARKS: Final = pl.List(pl.Struct({"key": pl.String, "value": pl.String}))


def marks(values: Mapping[str, pl.Series]) -> pl.Series:
    """For each row the pairs (key, value) whose value is not null, in the order of `values` (all String).

    Made as one long column and its offsets: lists that polars builds row by row take twenty times as long.
    """
    rows = pl.DataFrame(dict(values))
    long = pl.concat(
        rows.select(value=pl.col(key), key=pl.lit(key), order=pl.int_range(pl.len()) * rows.width + place)
        for place, key in enumerate(rows.columns)
    )
    pairs = long.filter(pl.col("value").is_not_null()).sort("order").select("key", "value").to_struct()
    ends = rows.select(pl.sum_horizontal(pl.all().is_not_null().cast(pl.Int64)).cum_sum()).to_series()
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), ends.to_arrow()])
    return cast(pl.Series, pl.from_arrow(pa.LargeListArray.from_arrays(offsets, pairs.to_arrow()))).cast(MARKS)
