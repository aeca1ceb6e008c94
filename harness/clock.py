"""The time base of a run."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Gives ns since 1970; never goes back."""


def steady_clock() -> Clock:
    """A clock set once by the wall clock and carried on by perf_counter.

    So its times are comparable with what broker and warehouse write, and no correction of the system's clock
    in the middle of a run shows up as a latency.
    """
    elapsed_ns = time.perf_counter_ns
    set_ns = time.time_ns() - elapsed_ns()
    return lambda: set_ns + elapsed_ns()
