"""Mutants that mean what the schema means, each with the argument: equivalents.toml beside this file.

    [[equivalent]]
    object = "bronze_trades_*"           # shell patterns, all three
    operator = "key_column_dropped"
    change = "ORDER BY without _topic"
    because = "one topic feeds each bronze table"

An argument that a check refutes is an error, and so is one that no mutant meets any more.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from harness.mutants import MutantsError
from harness.mutants.derive import Mutant

EQUIVALENTS: Final = Path(__file__).resolve().parent / "equivalents.toml"
_FIELDS: Final = frozenset(("object", "operator", "change", "because"))


class EquivalentError(MutantsError):
    """The file of arguments cannot be understood."""


@dataclass(frozen=True, slots=True)
class Argument:
    """Why mutants of a pattern change nothing."""

    object: str
    operator: str
    change: str
    because: str

    def meets(self, mutant: Mutant) -> bool:
        """Whether the mutant is one that the argument is about."""
        pairs = ((mutant.object, self.object), (mutant.operator, self.operator), (mutant.change, self.change))
        return all(fnmatchcase(value, _literal(pattern)) for value, pattern in pairs)


def load_arguments(path: Path = EQUIVALENTS) -> tuple[Argument, ...]:
    """Read the file. Raises EquivalentError where an entry is not complete."""
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("equivalent", [])
    for entry in entries:
        if set(entry) != _FIELDS or not all(isinstance(value, str) and value for value in entry.values()):
            raise EquivalentError(f"{path}: {entry} should have {', '.join(sorted(_FIELDS))}, each a text")
    return tuple(Argument(**entry) for entry in entries)


def argument_for(mutant: Mutant, arguments: Iterable[Argument]) -> Argument | None:
    """The first argument that meets a mutant."""
    return next((argument for argument in arguments if argument.meets(mutant)), None)


def _literal(pattern: str) -> str:
    # SQL is full of brackets; here they stand for themselves.
    return pattern.replace("[", "[[]")
