"""Strikes a victim again and again, at seeded moments of the flow, and measures how long each recovery takes.

It has recovered when a trade that was received after the healing is in silver: that takes feed handler, broker and
warehouse together.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Final, TypeVar

from harness.faults import NoEffect
from harness.faults.process import ProcessFault, Victim

RECOVERY_LIMIT_S: Final = 120.0
_LONGEST_WAIT_S: Final = 1.0
_POLL_S: Final = 0.05

Newest = Callable[[], int | None]
"""When the newest trade in silver was received, ns since 1970; None while the warehouse does not answer."""

Item = TypeVar("Item")


def until(over: threading.Event, frames: Iterable[Item]) -> Iterator[Item]:
    """The frames, for as long as it is not over."""
    return takewhile(lambda _: not over.is_set(), frames)


class Strikes(threading.Thread):
    """Start it when frames begin to flow. It sets `over` when it is done, and ends early when somebody else does.

    is_moment: it strikes when this says so, and after a random wait, so that many moments are struck.
    """

    def __init__(
        self,
        fault: ProcessFault,
        victim: Victim,
        times: int,
        seed: int,
        newest: Newest,
        over: threading.Event,
        told: Callable[[str], None],
        is_moment: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(name=f"{fault.name}-{victim.name}", daemon=True)
        self.recoveries_s: list[float] = []
        self._fault, self._victim, self._times = fault, victim, times
        self._rng = random.Random(f"{seed}/{self.name}")  # noqa: S311  # repeatable on purpose
        self._newest, self._told, self._is_moment = newest, told, is_moment
        self._over = over
        self._failure: Exception | None = None

    def run(self) -> None:
        """Strike `times` times; what goes wrong is raised by `end`."""
        try:
            self._await_trade_after(time.time_ns())
            for number in range(1, self._times + 1):
                self._over.wait(self._rng.uniform(0, _LONGEST_WAIT_S))
                self._await(self._is_moment, "there was no moment to strike at")
                self._strike()
                self._told(f"{self.name}: {number} of {self._times}, {self.recoveries_s[-1]:.1f} s to recover")
        except Exception as error:  # noqa: BLE001  (it is raised in the thread that asks)
            self._failure = error
        finally:
            self._over.set()

    def end(self) -> None:
        """Wait for the last strike. Raises what went wrong, and NoEffect if there were fewer strikes than asked."""
        self._over.set()
        self.join()
        if self._failure:
            raise self._failure

    @contextmanager
    def striking(self) -> Iterator[None]:
        """Strike from here on, while the block lets frames flow; raises what `end` does."""
        self.start()
        try:
            yield
        except BaseException:
            self._over.set()
            self.join()
            raise
        self.end()

    def _strike(self) -> None:
        lasts_s = self._fault.inject(self._victim)
        try:
            time.sleep(lasts_s)
        finally:
            healed = time.monotonic()
            healed_ns = time.time_ns()
            self._fault.heal(self._victim)
        self._await_trade_after(healed_ns)
        self.recoveries_s.append(time.monotonic() - healed)

    def _await_trade_after(self, moment_ns: int) -> None:
        self._await(lambda: (self._newest() or 0) > moment_ns, "no trade reached silver")

    def _await(self, condition: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + RECOVERY_LIMIT_S
        while not condition():
            if self._over.is_set():
                raise NoEffect(
                    f"{self.name}: the frames were over after {len(self.recoveries_s)} of {self._times} strikes; "
                    "ask for fewer with --case NAME=TIMES"
                )
            if time.monotonic() > deadline:
                raise NoEffect(
                    f"{self.name}, strike {len(self.recoveries_s) + 1}: {otherwise} within {RECOVERY_LIMIT_S:g} s; "
                    "see the logs of the run's stack"
                )
            time.sleep(_POLL_S)
