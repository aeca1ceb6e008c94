"""Locust's users: one that feeds an exchange's topic on schedule, one that asks the warehouse what dashboards ask.

Locust runs users as greenlets of one hub. Neither kind works there: a feed has a thread of its own (load/sender.py),
a query runs on the hub's thread pool. Locust is left to start and stop them and to keep the statistics.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar, Final

import clickhouse_connect
import gevent
from locust import User, constant, task

from k2pipeline.exchanges import EXCHANGES
from load.job import URL_VARIABLE, Job, read_job
from load.sender import Sender

_DRAIN_S: Final = 0.05
_READ_EVERY_S: Final = 1.0

# What users already query, as it stands in the design, and a chart's worth of candles.
QUESTIONS: Final = {
    "silver count": "SELECT count() FROM k2.silver_trades",
    "recent trades by exchange": "SELECT exchange, count() FROM k2.silver_trades "
    "WHERE timestamp > now() - INTERVAL 5 MINUTE GROUP BY exchange",
    "newest candles": "SELECT exchange, canonical_symbol, window_start, trade_count FROM k2.ohlcv_1m "
    "ORDER BY window_start DESC LIMIT 10",
    "a day of candles": "SELECT * FROM k2.ohlcv_5m_view WHERE canonical_symbol = 'BTC/USDT' "
    "AND window_start > now() - INTERVAL 1 DAY ORDER BY window_start",
}


class Feed(User):
    """Sends one exchange's trades; its request times are those from scheduled send to acknowledgement."""

    abstract = True
    exchange: ClassVar[str]
    part: ClassVar[int]
    wait_time = constant(0)

    def on_start(self) -> None:
        """Begin to send."""
        self._sender = Sender(read_job(), self.exchange, self.part)
        self.environment.k2_senders.append(self._sender)
        self._sender.start()

    @task
    def report(self) -> None:
        """Tell Locust what was acknowledged since last time."""
        gevent.sleep(_DRAIN_S)
        self._drain()

    def on_stop(self) -> None:
        """Wait until everything is sent and acknowledged: a load test that drops its tail says nothing of loss."""
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
        """Connect."""
        self._client = _on_a_thread(clickhouse_connect.get_client, dsn=os.environ[URL_VARIABLE])

    @task
    def ask(self) -> None:
        """Ask everything once."""
        for name, question in QUESTIONS.items():
            with self.environment.events.request.measure("QUERY", name):
                _on_a_thread(self._client.query, question)

    def on_stop(self) -> None:
        """Close the connection."""
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
