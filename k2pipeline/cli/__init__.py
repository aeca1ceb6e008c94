"""k2: the pipeline's command.

Exit codes: 0 done; 2 the command or its input is wrong; 3 the stack could not start or died.

Each subcommand is a module here with `add(commands)`; it imports what it runs only when it runs, so that a feed
handler that is started again is back in a fraction of a second.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from k2pipeline.cli import feed, mend, metrics, migrate, record, up
from k2pipeline.cli.exits import ExitError

COMMANDS = (up, feed, record, mend, migrate, metrics)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except ExitError as error:
        print(f"k2: {error}", file=sys.stderr)
        return error.code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="k2",
        description="A real-time trade pipeline: exchange frames, Kafka, ClickHouse.",
        epilog="exit codes: 0 done; 2 the command or its input is wrong; 3 the stack could not start or died",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add(commands)
    return parser
