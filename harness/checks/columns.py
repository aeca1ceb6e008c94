"""How columns of two tables are compared: as they are where they have one type, as they print where not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

# What is wrapped has at most one pair of parentheses of its own, or is a wrapper of which that holds.
_WRAPPER: Final = re.compile(r"\b(?:LowCardinality|Nullable)\(((?:[^()]|\([^()]*\))*)\)")


class MissingColumnError(LookupError):
    """A table under comparison does not have a column that it should have."""


@dataclass(frozen=True)
class Pair:
    """One column: the SQL expressions of the value that is expected and of the actual one."""

    column: str
    expected: str
    actual: str


def pairs(
    columns: Sequence[str],
    renamed: Mapping[str, str],
    actual_types: Mapping[str, str],
    expected_types: Mapping[str, str],
) -> list[Pair]:
    """The columns to compare; `renamed` gives the name on the expected side where it is another.

    Raises MissingColumnError naming every column that one side does not have.
    """
    names = {column: renamed.get(column, column) for column in columns}
    missing = [f"the table under test has no column {column}" for column in names if column not in actual_types]
    missing += [
        f"what it is compared with has no column {name}" for name in names.values() if name not in expected_types
    ]
    if missing:
        raise MissingColumnError("; ".join(missing))
    return [
        _pair(Pair(column, name, column), actual_types[column], expected_types[name]) for column, name in names.items()
    ]


def bare_type(kind: str) -> str:
    """A type without LowCardinality and Nullable, neither of which changes a value or its hash."""
    bare = _WRAPPER.sub(r"\1", kind)
    return kind if bare == kind else bare_type(bare)


def _pair(pair: Pair, actual_type: str, expected_type: str) -> Pair:
    if bare_type(actual_type) != bare_type(expected_type):
        return Pair(pair.column, f"toString({pair.expected})", f"toString({pair.actual})")
    if actual_type.startswith("Map("):  # equal maps may hold their keys in another order
        return Pair(pair.column, f"mapSort({pair.expected})", f"mapSort({pair.actual})")
    return pair
