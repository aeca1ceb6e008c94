"""Flags that several commands share."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Mapping
from typing import Final

from harness.faults import describe_faults
from harness.faults.transport import describe_transport_faults

_WIDTH: Final = 100


def add_fault_flag(parser: argparse.ArgumentParser, group: argparse._ActionsContainer, example: str) -> None:
    """Declare --fault, and list at the end of the help what there is."""
    group.add_argument(
        "--fault",
        metavar="NAME=AMOUNT",
        action="append",
        default=[],
        help=f"a share of all frames or a count, such as {example}; may be repeated; listed below".replace("%", "%%"),
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = "\n".join(textwrap.wrap(parser.description or "", _WIDTH))
    listed = ["faults of frames:", *_lines(describe_faults())]
    listed += ["", "faults of connections (with simulated exchanges):", *_lines(describe_transport_faults())]
    parser.epilog = "\n".join(listed)


def add_id_jumps_flag(group: argparse._ActionsContainer) -> None:
    """Declare --id-jumps."""
    group.add_argument(
        "--id-jumps",
        metavar="PER_MILLION",
        type=int,
        help="so many of a million synthetic trades leave ids out before their own, as exchanges do (default: none)",
    )


def _lines(described: Mapping[str, str]) -> list[str]:
    width = max(map(len, described)) + 4
    return [
        textwrap.fill(f"  {name:<{width - 2}}{text}", _WIDTH, subsequent_indent=" " * width)
        for name, text in described.items()
    ]
