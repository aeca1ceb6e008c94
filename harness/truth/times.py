"""Trade times from what exchanges send, in whole microseconds since 1970 (UTC) or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import polars as pl

DAY_US: Final = 86_400_000_000
_FROM_US: Final = int(datetime(1900, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_BEFORE_US: Final = int(datetime(2300, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_LEAST_MICROSECONDS: Final = 10**14
_FRACTION: Final = "(?:[.][0-9]{1,6}0*)?"
_RFC3339: Final = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]{_FRACTION}Z$"
_SECONDS: Final = rf"^[0-9]{{1,11}}{_FRACTION}$"


def from_milli_or_microseconds(times: pl.Series) -> pl.Series:
    """Integers in ms, or in us from an absolute value of 10^14 on."""
    in_us = (times >= _LEAST_MICROSECONDS) | (times <= -_LEAST_MICROSECONDS)
    return _held(pl.select(pl.when(in_us).then(times).otherwise(times * 1_000)).to_series())


def from_rfc3339(texts: pl.Series) -> pl.Series:
    """`YYYY-MM-DDThh:mm:ss[.digits]Z`; null too where there is no such day or second."""
    texts = _matching(texts, _RFC3339)
    seconds = texts.str.head(19).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False)
    return _held(seconds.to_physical() + _fraction_us(texts))


def from_seconds(texts: pl.Series) -> pl.Series:
    """`digits[.digits]` seconds."""
    texts = _matching(texts, _SECONDS)
    return _held(texts.str.extract("^([0-9]+)").cast(pl.Int64) * 1_000_000 + _fraction_us(texts))


def _matching(texts: pl.Series, pattern: str) -> pl.Series:
    return pl.select(pl.when(texts.str.contains(pattern)).then(texts)).to_series()


def _fraction_us(texts: pl.Series) -> pl.Series:
    return texts.str.extract("[.]([0-9]{1,6})").fill_null("0").str.pad_end(6, "0").cast(pl.Int64)


def _held(times_us: pl.Series) -> pl.Series:
    is_held = (times_us >= _FROM_US) & (times_us < _BEFORE_US)
    return pl.select(pl.when(is_held).then(times_us)).to_series()
