"""Faults of a process: what befalls broker, warehouse or feed handlers while all that is sent is as it should be.

A module in this package is a fault: its file name is the fault's name, and `FAULT` in it the fault. It says in its
docstring what it stands for. What a fault can strike is a Victim; `k2-harness crash` strikes each, and then checks.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final, Protocol

PAUSE_S: Final = 10.0


class Victim(Protocol):
    """A part of the pipeline that runs as a process of its own, or as several."""

    @property
    def name(self) -> str: ...

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""

    def start(self) -> None:
        """Start it again after `kill`, where it was."""

    def pause(self) -> None:
        """SIGSTOP; returns when it stands still."""

    def resume(self) -> None:
        """SIGCONT after `pause`."""


class ProcessFault(ABC):
    """`inject` does it and gives the seconds until `heal`."""

    name: ClassVar[str]

    def __init__(self, pause_s: float = PAUSE_S) -> None:
        self.pause_s = pause_s

    @abstractmethod
    def inject(self, victim: Victim) -> float:
        """Do it. Gives the seconds until `heal`."""

    @abstractmethod
    def heal(self, victim: Victim) -> None:
        """End it."""


def _discover() -> Mapping[str, type[ProcessFault]]:
    found: dict[str, type[ProcessFault]] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        fault: type[ProcessFault] = importlib.import_module(f"{__name__}.{module.name}").FAULT
        if fault.name != module.name:
            raise ImportError(f"faults/process/{module.name}.py defines {fault.name!r}; name the file after it")
        found[module.name] = fault
    return MappingProxyType(found)


PROCESS_FAULTS: Final[Mapping[str, type[ProcessFault]]] = _discover()
