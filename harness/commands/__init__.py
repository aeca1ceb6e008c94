"""The subcommands of k2-harness: a module in this package is one, named after its file.

It defines HELP, `add_arguments(parser)` and `run(options)`, which gives the exit code.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from typing import Final, Protocol, cast


class Command(Protocol):
    """What such a module defines."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare its flags."""

    def run(self, options: argparse.Namespace) -> int:
        """Carry it out."""


NAMES: Final = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def command(name: str) -> Command:
    """One of NAMES. Only what is asked for is imported: some need the engine, which takes a second."""
    return cast(Command, importlib.import_module(f"{__name__}.{name}"))
