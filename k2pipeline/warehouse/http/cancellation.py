"""What the event loop and a worker's thread know of each other while a request runs."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Coroutine
from typing import Any, TypeVar

from k2pipeline.warehouse.errors import ClientGone

T = TypeVar("T")


class Cancellation:
    """`gone`: there is nobody left to answer. `tag`: what to kill in the engine, while a query runs."""

    def __init__(self) -> None:
        self.gone = False
        self.tag = ""
        self._waiting_for: concurrent.futures.Future[Any] | None = None

    def check(self) -> None:
        if self.gone:
            raise ClientGone

    def leave(self) -> None:
        """From the event loop: the client is gone, or the warehouse stops."""
        self.gone = True
        if self._waiting_for is not None:
            self._waiting_for.cancel()

    def result_of(self, coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
        """From the worker's thread: run it in the event loop and wait. Raises ClientGone on `leave`."""
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        self._waiting_for = future
        if self.gone:
            future.cancel()
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise ClientGone from None
        finally:
            self._waiting_for = None
