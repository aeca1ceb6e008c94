"""Decimal numbers as text, changed as text. Each gives None for what it cannot change, an exponent first of all."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_PLAIN: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
PLACES: Final = 19


def scientific(number: str) -> str | None:
    """The same value with an exponent: 61837.63000000 is 6.183763E+4."""
    value = _value(number)
    if not value:
        return None
    sign, digits, exponent = value.normalize().as_tuple()
    text = "".join(map(str, digits))
    fraction = f".{text[1:]}" if len(text) > 1 else ""
    return f"{'-' if sign else ''}{text[0]}{fraction}E{int(exponent) + len(text) - 1:+d}"


def with_last_place(number: str, digit: int) -> str | None:
    """The number with PLACES decimals, the last of them `digit`: a value that 18 decimals cannot hold."""
    if _value(number) is None:
        return None
    whole, _, fraction = number.partition(".")
    return f"{whole}.{fraction:0<{PLACES - 1}.{PLACES - 1}}{digit}"


def zero(number: str) -> str | None:
    """Zero with as many decimals."""
    return re.sub("[1-9]", "0", re.sub(r"^-?[0-9]+", "0", number)) if _value(number) else None


def negative(number: str) -> str | None:
    """The number below zero."""
    value = _value(number)
    return f"-{number}" if value and value > 0 else None


def tenfold(number: str) -> str | None:
    """Ten times the number, with as many decimals."""
    value = _value(number)
    return f"{value.scaleb(1):.{len(number.partition('.')[2])}f}" if value else None


def _value(number: str) -> Decimal | None:
    return Decimal(number) if _PLAIN.fullmatch(number) else None
