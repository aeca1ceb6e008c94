"""Broker and warehouse of a stack, and the feed handlers of a run, as faults of a process see them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

import clickhouse_connect.driver.exceptions as clickhouse
from urllib3.exceptions import HTTPError

from harness.ways.handlers import Handlers
from k2pipeline.stack import Stack

_ANSWER_S = 5

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class StackPart:
    """See harness.faults.process.Victim."""

    stack: Stack
    name: str

    def kill(self) -> None:
        self.stack.kill(self.name)

    def start(self) -> None:
        self.stack.restart(self.name)

    def pause(self) -> None:
        self.stack.pause(self.name)

    def resume(self) -> None:
        self.stack.resume(self.name)


@dataclass(slots=True)
class FeedHandlers:
    """All feed handlers of a run at once, see harness.faults.process.Victim.

    They belong to the loop in which they were started, which also looks whether they live.
    """

    handlers: Handlers
    loop: asyncio.AbstractEventLoop
    name: str = "feed"
    _starters: list[Callable[[], None]] = field(default_factory=list)

    def kill(self) -> None:
        self._starters = self._in_loop(lambda: [self.handlers.kill(name) for name in self.handlers.exchanges])

    def start(self) -> None:
        def all_of_them() -> None:
            for start in self._starters:
                start()

        self._in_loop(all_of_them)

    def pause(self) -> None:
        self._in_loop(lambda: self._each(self.handlers.pause))

    def resume(self) -> None:
        self._in_loop(lambda: self._each(self.handlers.resume))

    def _each(self, action: Callable[[str], None]) -> None:
        for name in self.handlers.exchanges:
            action(name)

    def _in_loop(self, action: Callable[[], Result]) -> Result:
        done: Future[Result] = Future()

        def act() -> None:
            try:
                done.set_result(action())
            except Exception as error:  # noqa: BLE001  (it is raised in the thread that waits)
                done.set_exception(error)

        self.loop.call_soon_threadsafe(act)
        return done.result()


_NEWEST = "SELECT max(toUnixTimestamp64Nano(ingestion_timestamp)) FROM k2.silver_trades"
# The embedded consumer inserts by statements. A server's own Kafka engine has none that system.processes shows; it
# counts the queues that it reads and inserts at this moment.
_INSERTS = """SELECT (SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO `k2`.`trades_%')
    + (SELECT sum(value) FROM system.metrics WHERE metric = 'KafkaBackgroundReads')"""


class Silver:
    """Asks a warehouse, which may be dead or asleep, for its newest trade and whether it inserts."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def newest_ns(self) -> int | None:
        """When the newest trade was received, ns since 1970; None without an answer."""
        return self._ask(_NEWEST)

    def is_inserting(self) -> bool:
        """Whether a block from a topic was being inserted when the warehouse was asked; by the time that a strike
        follows, some milliseconds later, that insert may be over and the offset's commit or the next block under way.
        """
        return bool(self._ask(_INSERTS))

    def _ask(self, query: str) -> int | None:
        try:
            with self._stack.warehouse.client(send_receive_timeout=_ANSWER_S, connect_timeout=_ANSWER_S) as client:
                return int(client.query(query).first_row[0])
        except (clickhouse.ClickHouseError, HTTPError, OSError):
            return None
