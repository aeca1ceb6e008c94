"""Mutation operators: one file each, found by listing this folder, named after its file.

`WHY` is the bug it stands for, in the words of whoever met it; `edits` gives every place of a statement where
the mistake could be made. An operator knows the language, and nothing of this schema or of its formatting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Final, Protocol, cast

from harness.mutants.statement import Edit, Statement


class Operator(Protocol):
    """What such a module offers."""

    WHY: str

    def edits(self, statement: Statement) -> Iterator[Edit]:
        """Every way to make the mistake in a statement."""


OPERATORS: Final[Mapping[str, Operator]] = MappingProxyType(
    {
        name: cast(Operator, import_module(f"{__name__}.{name}"))
        for name in sorted(module.name for module in iter_modules(__path__))
    }
)
