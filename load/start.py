"""One start for all senders, in whatever process they are: each says that it is ready, then all are told a time.

Without it each would count from its own first frame, and one that starts half a minute late would look punctual.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

_FILE: Final = "start"
_LOOK_S: Final = 0.01


class StartedTwiceError(Exception):
    """A sender that was there already."""


def say_ready(directory: Path, sender: str) -> None:
    """Raises StartedTwiceError if it was ready before: a second one would write over the first one's ledger."""
    try:
        (directory / f"{sender}.ready").touch(exist_ok=False)
    except FileExistsError as error:
        raise StartedTwiceError(
            f"{sender} has been started already; a run is one test, start the next by `make loadtest` or `make load-ui`"
        ) from error


def await_start(directory: Path, is_stopped: Callable[[], bool]) -> int | None:
    """Wait until there is a start, in ns since 1970; None if stopped before."""
    while not is_stopped():
        start_ns = start_of(directory)
        if start_ns is not None:
            return start_ns
        time.sleep(_LOOK_S)
    return None


def are_ready(directory: Path, senders: Iterable[str]) -> bool:
    """Whether every sender only waits for the start."""
    return all((directory / f"{sender}.ready").exists() for sender in senders)


def give_start(directory: Path, start_ns: int) -> None:
    """Tell all who wait."""
    written = directory / f"{_FILE}.part"
    written.write_text(str(start_ns), encoding="ascii")
    written.replace(directory / _FILE)  # whoever looks sees all of it or nothing


def start_of(directory: Path) -> int | None:
    """The start, in ns since 1970; None while there is none."""
    try:
        return int((directory / _FILE).read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
