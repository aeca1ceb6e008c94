"""Whether every value of one column type is exactly a value of another. Pure."""

from __future__ import annotations

import re
from typing import Final

from harness.checks.columns import bare_type

_DECIMAL: Final = re.compile(r"Decimal\((\d+), (\d+)\)")
_INTEGER: Final = re.compile(r"(U?)Int(\d+)")
_TIME: Final = re.compile(r"DateTime64\((\d+)(?:, '([^']*)')?\)")
_SECONDS: Final = re.compile(r"DateTime(?:\('([^']*)'\))?")
_ENUM: Final = re.compile(r"Enum\d+\((.*)\)")


def widens(before: str, after: str) -> bool:
    """Whether a column of type `before` may become `after` without any value becoming another."""
    if "Nullable(" in before and "Nullable(" not in after:
        return False
    old, new = bare_type(before), bare_type(after)
    return old == new or any(rule(old, new) for rule in (_decimals, _integers, _times, _enums, _seconds))


def _decimals(old: str, new: str) -> bool:
    one, other = _DECIMAL.fullmatch(old), _DECIMAL.fullmatch(new)
    if not one or not other:
        return False
    scale, more = int(one[2]), int(other[2])
    return more >= scale and int(other[1]) - more >= int(one[1]) - scale


def _integers(old: str, new: str) -> bool:
    one, other = _INTEGER.fullmatch(old), _INTEGER.fullmatch(new)
    if not one or not other:
        return False
    if one[1] == other[1]:
        return int(other[2]) >= int(one[2])
    return bool(one[1]) and int(other[2]) > int(one[2])


def _times(old: str, new: str) -> bool:
    one, other = _TIME.fullmatch(old), _TIME.fullmatch(new)
    # Nine places reach to 2262 only.
    return bool(one and other and one[2] == other[2] and int(one[1]) <= int(other[1]) < 9)


def _seconds(old: str, new: str) -> bool:
    one, other = _SECONDS.fullmatch(old), _TIME.fullmatch(new)
    return bool(one and other and one[1] == other[2])


def _enums(old: str, new: str) -> bool:
    one, other = _ENUM.fullmatch(old), _ENUM.fullmatch(new)
    return bool(one and other and set(one[1].split(", ")) <= set(other[1].split(", ")))
