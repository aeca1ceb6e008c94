"""The exchanges' protocols. A module (or package) here is an exchange and lists its protocols in DIALECTS."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from types import MappingProxyType

from harness.exchange.dialect import Dialect, Limits


def open_dialects(limits: Limits, connection_id: Callable[[], int]) -> list[Dialect]:
    """One object of every protocol of every exchange, for one server."""
    return [dialect(limits, connection_id) for found in DIALECTS.values() for dialect in found]


def _discover() -> Mapping[str, tuple[type[Dialect], ...]]:
    found: dict[str, tuple[type[Dialect], ...]] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        dialects = importlib.import_module(f"{__name__}.{module.name}").DIALECTS
        for dialect in dialects:
            if dialect.exchange != module.name:
                raise ImportError(f"dialects/{module.name} lists one of {dialect.exchange!r}; name it after that")
        found[module.name] = tuple(dialects)
    return MappingProxyType(found)


DIALECTS: Mapping[str, tuple[type[Dialect], ...]] = _discover()
