"""k2 record: writes every frame that an exchange sends into a capture, until SIGTERM."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from k2pipeline.cli.exits import STACK_DIED, WRONG_INPUT, exits
from k2pipeline.cli.feed import add_exchange, configured


def add(commands: Any) -> None:
    record = commands.add_parser(
        "record",
        help="record an exchange's frames as a capture",
        description="Writes every frame that an exchange sends as a capture. Prints one JSON line when every "
        "symbol is subscribed, with the command that plays the capture back. Killed at any time, it leaves all but the "
        "last second; started again, it goes on, and `k2 mend` makes a file playable that is not gone on with.",
        epilog="exit codes: 0 stopped; 2 the command, its configuration or a symbol is wrong; 3 the disk refuses",
    )
    record.set_defaults(command=run)
    record.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        required=True,
        help="x.jsonl, x.jsonl.gz or x.jsonl.zst; gone on with if it is there",
    )
    record.add_argument("--rotate-mb", metavar="N", type=_positive, help="begin another file, x-0001 .., at N MB")
    record.add_argument("--rotate-minutes", metavar="N", type=_positive, help="or after N minutes")
    add_exchange(record)


def run(options: argparse.Namespace) -> None:
    from k2pipeline.captures import CaptureError
    from k2pipeline.feed.config import ConfigError
    from k2pipeline.feed.recording import DiskError, Rotation, record
    from k2pipeline.feed.session import SymbolsRefusedError

    wrong = (ConfigError, SymbolsRefusedError, CaptureError)
    with exits({**dict.fromkeys(wrong, WRONG_INPUT), DiskError: STACK_DIED}):
        config, wanted = configured(options)
        rotation = Rotation(
            None if options.rotate_mb is None else int(options.rotate_mb * 1_000_000),
            None if options.rotate_minutes is None else options.rotate_minutes * 60,
        )
        print(record(wanted, config.limits, options.out, rotation))


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value
