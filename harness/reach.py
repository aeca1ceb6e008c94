"""Objectives out of reach: what frames wait on purpose, before any work is done, is longer than an objective allows.

A run that would be judged by such an objective is refused before it starts, with the sum.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from harness.checks import SuiteError
from harness.checks.slos import Slo
from harness.checks.stages import QUEUED
from k2pipeline.schema import SchemaVariables
from k2pipeline.warehouse.kafka.settings import FETCH_WAIT_MS, KafkaSettings

_QUEUE: Final = re.compile(r"ENGINE\s*=\s*Kafka\b[^;]*", re.IGNORECASE)
_FLUSH: Final = re.compile(r"kafka_flush_interval_ms\s*=\s*([0-9]+)", re.IGNORECASE)
_VARIABLE: Final = "${KAFKA_FLUSH_INTERVAL_MS}"


def flush_interval_ms(sql: Path) -> int:
    """The longest flush interval of a schema's queues; a queue that sets none, or 0, has ClickHouse's own."""
    variable_ms = SchemaVariables("").flush_interval_ms
    texts = [path.read_text(encoding="utf-8").replace(_VARIABLE, str(variable_ms)) for path in sql.glob("*.sql")]
    queues = [queue[0] for text in texts for queue in _QUEUE.finditer(text)]
    set_ms = [int(found[1]) if (found := _FLUSH.search(queue)) else 0 for queue in queues]
    return max((each or KafkaSettings.flush_interval_ms for each in set_ms), default=0)


def refuse_unreachable(slos: Iterable[Slo], flush_ms: float, fetch_ms: float = FETCH_WAIT_MS) -> None:
    """Raise SuiteError for an objective that waiting alone exceeds.

    flush_ms: how long a block waits to fill; fetch_ms: how long the broker may hold a fetch.
    """
    waits_ms = flush_ms + fetch_ms
    for slo in slos:
        if slo.stage in QUEUED and waits_ms > slo.limit_ms:
            raise SuiteError(
                f"{slo.name} cannot be met: the flush interval of {flush_ms:g} ms and the fetch wait of {fetch_ms:g} "
                f"ms add up to {waits_ms:g} ms, and its limit is {slo.limit_ms:g} ms; shorten kafka_flush_interval_ms "
                "in the schema, or raise the limit in expectations/latency.json"
            )
