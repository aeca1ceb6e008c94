"""What a run is doing, for whoever watches: a live bar on a terminal, plain lines now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

LINE_EVERY_S: Final = 10.0
# Before that a rate is a guess.
_SHARE_TO_JUDGE_BY: Final = 0.02


class Shown:
    """Progress on a console. A stage that is over leaves one line with its time."""

    def __init__(self, console: Console, line_every_s: float = LINE_EVERY_S) -> None:
        self._console, self._line_every_s = console, line_every_s
        self._bar = _bar(console) if console.is_terminal else None
        self._task = self._bar.add_task("", total=None, text="") if self._bar else None
        self._stage = ""
        self._since = self._told = 0.0

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
        self._leave("failed" if error else "")

    def stage(self, name: str) -> None:
        """End the stage before this one and begin it."""
        self._leave()
        self._stage, self._since = name, time.monotonic()
        self._told = self._since
        if self._bar is not None and self._task is not None:
            self._bar.reset(self._task, total=None, description=name, text="")

    def advance(self, text: str, share: float | None = None) -> None:
        """Show how far the stage is, and, where the share of it that is done is known, when it will be over."""
        if self._bar is not None and self._task is not None:
            total = None if share is None else 1.0
            self._bar.update(self._task, total=total, completed=share or 0.0, text=text)
        elif time.monotonic() - self._told >= self._line_every_s:
            self._told = time.monotonic()
            self._line(f"{self._stage} ... {_shared(share)}{text}{_left(share, self._told - self._since)}")

    def _leave(self, note: str = "") -> None:
        if self._stage:
            self._line(f"{self._stage} {note}".rstrip())
        self._stage = ""

    def _line(self, text: str) -> None:
        seconds = f"{time.monotonic() - self._since:6.2f} s"
        self._console.print(f"{seconds}  {text}", style="dim", highlight=False, markup=False, soft_wrap=True)


def _bar(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[text]}", markup=False),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def _shared(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}, "


def _left(share: float | None, seconds: float) -> str:
    if share is None or share < _SHARE_TO_JUDGE_BY:
        return ""
    return f", about {seconds * (1 - share) / share:,.0f} s left"
