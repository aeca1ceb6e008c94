"""What both commands of this package do about errors: say what is wrong, and end with the harness's exit codes."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Final

from rich.console import Console

from harness.checks import SuiteError
from harness.cli import STACK_DIED, WRONG_INPUT
from harness.replay import ReplayError
from k2pipeline.schema import SchemaError
from k2pipeline.settings_error import SettingsError
from k2pipeline.stack import StackError
from load.profile import ProfileError

INTERRUPTED: Final = 130


def reported(name: str, command: Callable[[], int]) -> int:
    """The exit code of a command; an error is told on standard error and has its own."""

    def tell(said: str) -> None:
        Console(stderr=True, highlight=False).print(f"{name}: {said}", style="red", markup=False, soft_wrap=True)

    try:
        return command()
    except (ProfileError, SchemaError, SettingsError, SuiteError) as error:
        tell(str(error))
        return WRONG_INPUT
    except (StackError, ReplayError) as error:
        tell(str(error))
        return STACK_DIED
    except KeyboardInterrupt:
        tell("interrupted; every process it started has been stopped")
        return INTERRUPTED


def whole(text: str) -> int:
    """An argument that is a whole number, 0 or above."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 up; give for example 2")
    return int(text)


def above_zero(text: str) -> float:
    """An argument that is a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0; give for example 1000")
    return number
