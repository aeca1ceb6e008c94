"""SIGTERM and SIGINT, asked for as a question: one asks to stop in order, a second one not to wait any longer."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """While entered, the signals do nothing but count. `on_stop` is called once, at the first of them."""

    def __init__(self) -> None:
        self._count = 0
        self._before: dict[signal.Signals, Any] = {}
        self._since_s = 0.0
        self.on_stop: Callable[[], object] = lambda: None

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, lambda *_: self._take()) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    @property
    def is_set(self) -> bool:
        return self._count > 0

    @property
    def is_impatient(self) -> bool:
        return self._count > 1

    def left_s(self, allowed_s: float) -> float:
        """What is left of so many seconds after the first signal; all of them before it."""
        return allowed_s if not self.is_set else max(0.0, self._since_s + allowed_s - time.monotonic())

    def _take(self) -> None:
        self._count += 1
        if self._count == 1:
            self._since_s = time.monotonic()
            self.on_stop()
