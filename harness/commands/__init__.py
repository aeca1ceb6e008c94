"""The subcommands of k2-harness: a module in this package is one, named after its file.

It defines HELP, `add_arguments(parser)` and `run(options)`, which gives the exit code.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol, cast


class Command(Protocol):
    """What such a module defines."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare its flags."""

    def run(self, options: argparse.Namespace) -> int:
        """Carry it out."""


def _discover() -> Mapping[str, Command]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return MappingProxyType({name: cast(Command, importlib.import_module(f"{__name__}.{name}")) for name in names})


COMMANDS: Mapping[str, Command] = _discover()
