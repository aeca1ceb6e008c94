"""k2 mend: cuts off what a killed recorder or a full disk left unfinished at the end of captures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    mend = commands.add_parser(
        "mend",
        help="cut off the torn end of a capture",
        description="Cuts off what a recorder that was killed, or a disk that was full, left unfinished at the end of "
        "a capture, so that it can be played. What is whole stays as it is, and a whole capture is not touched. "
        "`k2 record` does it by itself where it goes on in a file.",
        epilog="exit codes: 0 every file is whole now; 2 one is not there, is being recorded, or is damaged elsewhere; "
        "3 the disk refuses",
    )
    mend.set_defaults(command=run)
    mend.add_argument("captures", metavar="FILE", type=Path, nargs="+", help="x.jsonl, x.jsonl.gz or x.jsonl.zst")


def run(options: argparse.Namespace) -> None:
    from k2pipeline.captures import CaptureError, check_name, mend
    from k2pipeline.cli.exits import STACK_DIED, WRONG_INPUT, ExitError, exits

    for path in options.captures:
        try:
            with exits({CaptureError: WRONG_INPUT}):
                check_name(path)
                cut_bytes = mend(path)
        except FileNotFoundError as error:
            raise ExitError(WRONG_INPUT, f"{path}: no such file; check the path") from error
        except OSError as error:
            raise ExitError(STACK_DIED, f"{path}: {error.strerror or error}; nothing was changed") from error
        left_bytes = path.stat().st_size
        print(f"{path}: {cut_bytes:,} bytes cut off, {left_bytes:,} are whole" if cut_bytes else f"{path}: whole")
