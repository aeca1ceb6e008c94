"""Locust's users: one that feeds an exchange's topic on schedule, one that asks the warehouse what dashboards ask.

Locust runs users as greenlets of one hub. Neither kind works there: a feed has a thread of its own (load/sender.py),
a query runs on the hub's thread pool. Locust is left to start and stop them and to keep the statistics.
"""

from __future__ import annotations

import os
import time
from typing import Any, ClassVar, Final

import clickhouse_connect
import gevent
from locust import User, constant, task

from k2pipeline.exchanges import EXCHANGES
from load.job import URL_VARIABLE, Job, read_job
from load.readers import CONNECT, QUERY, QUESTIONS
from load.sender import Sender
from load.start import start_of

_DRAIN_S: Final = 0.05
_READ_EVERY_S: Final = 1.0

SENDERS: Final[list[Sender]] = []
"""Those of this process."""


class Feed(User):
    """Sends one exchange's trades; its request times are those from scheduled send to acknowledgement."""

    abstract = True
    exchange: ClassVar[str]
    part: ClassVar[int]
    wait_time = constant(0)

    def on_start(self) -> None:
        """Begin to send."""
        self._sender = Sender(read_job(), self.exchange, self.part)
        SENDERS.append(self._sender)
        self._sender.start()

    @task
    def report(self) -> None:
        """Tell Locust what was acknowledged since last time."""
        gevent.sleep(_DRAIN_S)
        self._drain()

    def on_stop(self) -> None:
        """Wait until everything is sent and acknowledged: a load test that drops its tail says nothing of loss. Only
        if somebody stops it before the profile is over, what is not due yet stays unsent.
        """
        job = self._sender.job
        start_ns = start_of(job.directory)
        if start_ns is None or time.time_ns() < start_ns + job.profile.seconds * 1e9:
            self._sender.stop()
        while self._sender.is_alive():
            self._drain()
            gevent.sleep(_DRAIN_S)
        self._drain()

    def _drain(self) -> None:
        fire, waiting, topic = self.environment.events.request.fire, self._sender.acknowledged, self._sender.topic
        while waiting:
            message = waiting.popleft()
            fire(
                request_type="PRODUCE",
                name=topic,
                response_time=message.milliseconds,
                response_length=message.size,
                exception=None,
                context={},
            )


class Reader(User):
    """Asks each question in turn, one a second."""

    abstract = True
    wait_time = constant(_READ_EVERY_S)

    def on_start(self) -> None:
        """Nothing is asked yet."""
        self._client: Any = None

    @task
    def ask(self) -> None:
        """Ask everything once. What goes wrong is in Locust's statistics, and fails the run: see load/readers.py."""
        measure = self.environment.events.request.measure
        if self._client is None:
            with measure(QUERY, CONNECT):
                self._client = _on_a_thread(clickhouse_connect.get_client, dsn=os.environ[URL_VARIABLE])
        if self._client is None:
            return
        for name, question in QUESTIONS.items():
            with measure(QUERY, name):
                _on_a_thread(self._client.query, question)

    def on_stop(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()


def users_of(job: Job) -> list[type[User]]:
    """The user classes of a job: a feed for each part of an exchange's trades, each once, and the readers.

    Where a user runs is Locust's choice, so what it sends must not depend on it.
    """
    feeds: list[type[User]] = [
        type(f"{exchange.capitalize()}Feed{part}", (Feed,), {"exchange": exchange, "part": part, "fixed_count": 1})
        for exchange in EXCHANGES
        if exchange in job.profile.shares
        for part in range(job.parts)
    ]
    if job.profile.readers:
        feeds.append(type("DashboardReader", (Reader,), {"fixed_count": job.profile.readers}))
    return feeds


def _on_a_thread(function: Any, *arguments: Any, **named: Any) -> Any:
    return gevent.get_hub().threadpool.apply(function, arguments, named)
