"""The gate between Kafka inserts and data definition: many of either at once, never both.

A statement that changes tables waits for the inserts under way and holds new ones off. So no block is pushed
through half of a schema change, and none into a Null table whose last view has just gone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Gate:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inserts = 0
        self._definitions = 0

    @contextmanager
    def insert(self, given_up: Callable[[], bool]) -> Iterator[bool]:
        """Pass as an insert. Yields False, without having passed, once `given_up` says so while waiting."""
        with self._changed:
            self._changed.wait_for(lambda: self._definitions == 0 or given_up())
            passed = not given_up()
            self._inserts += passed
        try:
            yield passed
        finally:
            self._leave_insert(passed)

    @contextmanager
    def definition(self) -> Iterator[None]:
        """Pass as data definition, after the inserts under way and before any that waits."""
        with self._changed:
            self._definitions += 1
            self._changed.wait_for(lambda: self._inserts == 0)
        try:
            yield
        finally:
            with self._changed:
                self._definitions -= 1
                self._changed.notify_all()

    def wake(self) -> None:
        """Let waiting inserts ask `given_up` again."""
        with self._changed:
            self._changed.notify_all()

    def _leave_insert(self, passed: bool) -> None:
        with self._changed:
            self._inserts -= passed
            self._changed.notify_all()
