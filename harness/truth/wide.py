"""Integers of 256 bits: what a Decimal(76, n) is inside, and polars has not.

A wide column is Array(UInt64, 4): two's complement, the lowest limb first, which is the memory of an Arrow decimal256.
Products are of two Decimal(38, 18), sums of any number of wide values below 2^64; both are exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal
from typing import Final

import polars as pl

WIDE: Final = pl.Array(pl.UInt64, 4)
LIMBS: Final = 4
DIGITS: Final = 76

_LIMB: Final = 2**64
_U128: Final = pl.UInt128
_BEYOND: Final = 10**DIGITS
_BEYOND_TOP: Final = _BEYOND >> 192


def product(left: pl.Series, right: pl.Series) -> pl.Series:
    """left * right of two Decimal(38, 18), as a wide column of scale 36."""
    signed = pl.DataFrame({"a": left.to_physical(), "b": right.to_physical()})
    halves = signed.select(
        *_halves(pl.col("a"), "a"),
        *_halves(pl.col("b"), "b"),
        negative=(pl.col("a") < 0) != (pl.col("b") < 0),
    )
    parts = halves.select(
        "negative",
        low=pl.col("a0") * pl.col("b0"),
        cross=pl.col("a0") * pl.col("b1"),
        other=pl.col("a1") * pl.col("b0"),
        high=pl.col("a1") * pl.col("b1"),
    ).with_columns(
        middle=pl.col("low") // _LIMB + pl.col("cross") % _LIMB + pl.col("other") % _LIMB,
    )
    top = pl.col("high") + pl.col("cross") // _LIMB + pl.col("other") // _LIMB + pl.col("middle") // _LIMB
    magnitude = parts.select(
        "negative", l0=pl.col("low") % _LIMB, l1=pl.col("middle") % _LIMB, l2=top % _LIMB, l3=top // _LIMB
    )
    limbs = _negated(magnitude) if magnitude["negative"].any() else magnitude
    return _column(limbs)


def widened(values: pl.Series) -> pl.Series:
    """A Decimal(38, n) as a wide column of the same scale."""
    unscaled = pl.DataFrame({"a": values.to_physical()})
    negative = pl.col("a") < 0
    limbs = unscaled.select(*_halves(pl.col("a"), "l"), l2=pl.lit(0, _U128), l3=pl.lit(0, _U128), negative=negative)
    return _column(_negated(limbs) if limbs["negative"].any() else limbs)


def unpacked(column: pl.Series) -> pl.DataFrame:
    """The limbs of a wide column, to be summed one by one and put together again by `total`."""
    return column.to_frame().select(
        pl.col(column.name).arr.get(i).cast(_U128).alias(f"{column.name}_{i}") for i in range(LIMBS)
    )


def limb_names(column: str) -> list[str]:
    """The names that `unpacked` gives."""
    return [f"{column}_{i}" for i in range(LIMBS)]


def total(sums: pl.DataFrame, column: str) -> pl.Series:
    """The wide column `column` from the sums of its limbs; of non-negative values only.

    Raises OverflowError for a sum of more than 76 digits, which no Decimal holds.
    """
    carried = sums.select(pl.col(f"{column}_0").alias("s0"))
    for i in range(1, LIMBS):
        carry = carried[f"s{i - 1}"] // _LIMB
        carried = carried.with_columns((sums[f"{column}_{i}"] + carry).alias(f"s{i}"))
    for unscaled in _whole(carried.filter(pl.col(f"s{LIMBS - 1}") >= _BEYOND_TOP)):
        if unscaled >= _BEYOND:
            raise OverflowError(
                f"the {column} of a candle has {len(str(unscaled))} digits, and the widest Decimal of the warehouse "
                f"holds {DIGITS}; leave out trades of so large a price and size"
            )
    return _column(carried.select((pl.col(f"s{i}") % _LIMB).alias(f"l{i}") for i in range(LIMBS))).alias(column)


def decimals(column: pl.Series, scale: int) -> list[Decimal]:
    """The values of a wide column, for people and tests; slow."""
    return [_decimal(limbs, scale) for limbs in column.to_list()]


def _decimal(limbs: Iterable[int], scale: int) -> Decimal:
    unscaled = int.from_bytes(b"".join(limb.to_bytes(8, "little") for limb in limbs), "little", signed=True)
    return Decimal(unscaled).scaleb(-scale, Context(prec=DIGITS + 2))


def _halves(value: pl.Expr, name: str) -> tuple[pl.Expr, pl.Expr]:
    magnitude = value.abs().cast(_U128)
    return (magnitude % _LIMB).alias(f"{name}0"), (magnitude // _LIMB).alias(f"{name}1")


def _negated(magnitude: pl.DataFrame) -> pl.DataFrame:
    """Two's complement of the rows that are negative: every limb inverted, and one added from below."""
    rows = magnitude
    lower_are_zero = pl.lit(value=True)
    for i in range(LIMBS):
        limb = pl.col(f"l{i}")
        inverted = (_LIMB - 1 - limb + lower_are_zero.cast(_U128)) % _LIMB
        rows = rows.with_columns(pl.when(pl.col("negative")).then(inverted).otherwise(limb).alias(f"n{i}"))
        lower_are_zero = lower_are_zero & (limb == 0)
    return rows.select(pl.col(f"n{i}").alias(f"l{i}") for i in range(LIMBS))


def _column(limbs: pl.DataFrame) -> pl.Series:
    return limbs.select(pl.concat_arr(pl.col(f"l{i}").cast(pl.UInt64) for i in range(LIMBS))).to_series()


def _whole(sums: pl.DataFrame) -> list[int]:
    return [
        sum(limb % _LIMB << 64 * i for i, limb in enumerate(row[:-1])) + (row[-1] << 192) for row in sums.iter_rows()
    ]
