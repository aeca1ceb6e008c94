"""Numbers from their text, exact or not at all: Decimal(38, 18).

Nearly all texts are short plain decimals, which polars casts exactly. Only the others go through Python, one by one.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl

PLACES: Final = 18
INTEGER_DIGITS: Final = 20
EXACT: Final = pl.Decimal(INTEGER_DIGITS + PLACES, PLACES)

_PLAIN: Final = rf"^-?[0-9]{{1,{INTEGER_DIGITS}}}(?:[.][0-9]{{1,{PLACES}}})?$"
_NUMBER: Final = re.compile(r"(-?)([0-9]+)(?:[.]([0-9]+))?(?:[eE]([+-]?[0-9]{1,4}))?")


def exact(texts: pl.Series) -> pl.Series:
    """Each text's value as Decimal(38, 18); null where it is no number, or has no exact one there."""
    is_plain = texts.str.contains(_PLAIN)
    if not is_plain.all():
        doubtful = ~is_plain
        plain = [plain_text(text) for text in texts.filter(doubtful)]
        texts = texts.scatter(doubtful.arg_true(), pl.Series(plain, dtype=pl.String))
    return texts.cast(EXACT)


def plain_text(text: str) -> str | None:
    """The same value with 18 decimals and no exponent: '2.5e-7' is '0.000000250000000000'. None if it does not fit."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction, exponent = match.group(1), match.group(2), match.group(3) or "", match.group(4) or "0"
    digits = (whole + fraction).lstrip("0")
    significant = digits.rstrip("0")
    if not significant:
        return "0"
    places = len(fraction) - int(exponent) - (len(digits) - len(significant))
    if places > PLACES or len(significant) - places > INTEGER_DIGITS:
        return None
    unscaled = int(significant) * 10 ** (PLACES - places)
    return f"{sign}{unscaled // 10**PLACES}.{unscaled % 10**PLACES:0{PLACES}}"
