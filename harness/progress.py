"""What a run is doing, for whoever watches: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status


class Shown:
    """Progress on a console. A stage that is over leaves one line with its time."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = Status("", console=console) if console.is_terminal else None
        self._stage = ""
        self._since = 0.0

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()
        self._leave("failed" if error else "")

    def stage(self, name: str) -> None:
        """End the stage before this one and begin it."""
        self._leave()
        self._stage, self._since = name, time.monotonic()
        if self._status:
            self._status.update(f"{name} ...")

    def advance(self, text: str) -> None:
        """Show how far the stage is; elsewhere than on a terminal this would only fill a log."""
        if self._status:
            self._status.update(f"{self._stage} ... {text}")

    def _leave(self, note: str = "") -> None:
        if self._stage:
            seconds = f"{time.monotonic() - self._since:6.2f} s"
            self._console.print(f"{seconds}  {self._stage} {note}".rstrip(), style="dim", highlight=False)
        self._stage = ""
