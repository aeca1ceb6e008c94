"""k2-harness: the harness's command.

Exit codes: 0 every check holds; 1 a check failed; 2 the command or its input is wrong, or a file cannot be read or
written; 3 the stack could not start or died; 130 interrupted, whatever was checked until then.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console

from harness.captures import CaptureError
from harness.checks import SuiteError
from harness.commands import NAMES, command
from harness.faults import FaultError, NoEffect
from harness.mutants import MutantsError
from harness.nightly.window import NightError
from harness.pace import PaceError
from harness.replay import ReplayError
from harness.report import ReportError
from harness.scenario import ScenarioError
from harness.truth import TruthError
from k2pipeline.schema import SchemaError
from k2pipeline.settings_error import SettingsError
from k2pipeline.stack import StackError

WRONG_INPUT: Final = 2
STACK_DIED: Final = 3
INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser(given).parse_args(given)
    errors = Console(stderr=True, highlight=False)
    try:
        return command(options.command).run(options)
    except (
        CaptureError,
        FaultError,
        MutantsError,
        NightError,
        NoEffect,
        PaceError,
        ReportError,
        ScenarioError,
        SchemaError,
        SettingsError,
        SuiteError,
        TruthError,
    ) as error:
        errors.print(f"k2-harness: {error}", style="red", markup=False, soft_wrap=True)
        return WRONG_INPUT
    except (StackError, ReplayError) as error:
        errors.print(f"k2-harness: {error}", style="red", markup=False, soft_wrap=True)
        return STACK_DIED
    except ClickHouseError as error:
        said = f"k2-harness: the warehouse does not do its part: {error}; see its log in the run's directory"
        errors.print(said, style="red", markup=False, soft_wrap=True)
        return STACK_DIED
    except OSError as error:
        errors.print(f"k2-harness: {_said(error)}", style="red", markup=False, soft_wrap=True)
        return WRONG_INPUT
    except KeyboardInterrupt:
        errors.print("k2-harness: interrupted; every process it started has been stopped", style="red")
        return INTERRUPTED


def _said(error: OSError) -> str:
    """What the system would not do, and with which file."""
    reason = error.strerror or str(error)
    if error.filename is None:
        return f"{reason}; see that there is room on the disk, and that --out can be written to"
    return f"{error.filename}: {reason}; correct the path, or give another directory with --out"


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="k2-harness",
        description="Proves a trade pipeline right: replays, knows what it sent, checks every row.",
        epilog="exit codes: 0 every check holds; 1 a check failed; 2 wrong command or input; "
        "3 the stack could not start or died; 130 interrupted",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name in given[:1] if given and given[0] in NAMES else NAMES:
        found = command(name)
        found.add_arguments(commands.add_parser(name, help=found.HELP, description=found.__doc__))
    return parser


if __name__ == "__main__":
    sys.exit(main())
