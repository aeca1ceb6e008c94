"""One scrape: everything is asked when Prometheus asks. What a part does not answer is absent, and k2_up says so."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaException
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from k2pipeline.exporter.broker import BrokerLook, followed
from k2pipeline.exporter.tally import Tally
from k2pipeline.exporter.warehouse import CLOCK, QUALITY_TABLES, Question, Rows, Span, counting, night, questions
from k2pipeline.stack.base import WarehouseAddress

_LOG = logging.getLogger("k2.exporter")
_US: Final = 1_000_000
# A row bears the time at which its insert began. Counters leave out the newest rows, whose neighbours may still be on
# their way, and count them at the next scrape.
SETTLE_S: Final = 10
_CONNECT_S: Final = 3
_ANSWER_S: Final = 20


class Exporter(Collector):
    """Scrapes of several Prometheus servers take turns: what one has counted, the other sees as well."""

    def __init__(self, warehouse: WarehouseAddress, bootstrap: str, group: str = "k2") -> None:
        self._address = warehouse
        self._broker = BrokerLook(bootstrap, group, followed()) if bootstrap else None
        self._tally = Tally()
        self._lock = threading.Lock()
        self._client: Any = None
        self._counted_us = 0

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            self._tally.begin()
            self._tally.set("k2_up", "warehouse", value=int(self._look_at_warehouse()))
            if self._broker is not None:
                self._tally.set("k2_up", "broker", value=int(self._look_at_broker(self._broker)))
            yield from list(self._tally.metrics())

    def close(self) -> None:
        self._disconnect()
        if self._broker is not None:
            self._broker.close()

    def _look_at_broker(self, broker: BrokerLook) -> bool:
        try:
            broker.look(self._tally)
        except KafkaException as error:
            _LOG.warning("the broker did not answer: %s", error.args[0].str())
            return False
        return True

    def _look_at_warehouse(self) -> bool:
        """Whether it answered. A statement that fails is counted, and hides no other."""
        try:
            if self._client is None:
                self._client = self._address.client(
                    database="default", connect_timeout=_CONNECT_S, send_receive_timeout=_ANSWER_S
                )
            now_us = int(self._client.query(CLOCK).first_row[0])
            tables = [name for (name,) in self._client.query(QUALITY_TABLES).result_rows]
        except (ClickHouseError, OSError) as error:
            _LOG.warning("the warehouse at %s did not answer: %s", self._address.url, error)
            self._disconnect()
            return False
        until_us = now_us - SETTLE_S * _US
        span = Span(self._counted_us or until_us, until_us, now_us)
        self._count(counting(span, self._address.database), until_us)
        for question in [*questions(span, self._address.database), *night(tables)]:
            rows = self._ask(question)
            if rows is not None:
                question.read(self._tally, rows)
        return True

    def _count(self, counted: list[Question], until_us: int) -> None:
        answers = [self._ask(question) for question in counted]
        found = [rows for rows in answers if rows is not None]
        if len(found) == len(counted):
            for question, rows in zip(counted, found, strict=True):
                question.read(self._tally, rows)
            self._counted_us = until_us

    def _ask(self, question: Question) -> Rows | None:
        self._tally.add("k2_query_failures", question.name, value=0)
        began = time.perf_counter()
        try:
            rows: Rows = self._client.query(question.sql).result_rows
        except (ClickHouseError, OSError) as error:
            self._tally.add("k2_query_failures", question.name, value=1)
            _LOG.warning("%s: %s", question.name, error)
            return None
        self._tally.took(question.name, time.perf_counter() - began)
        return rows

    def _disconnect(self) -> None:
        if self._client is not None:
            with suppress(ClickHouseError, OSError):
                self._client.close()
            self._client = None
