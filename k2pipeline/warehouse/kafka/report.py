"""The numbers of all consumers as system.kafka_consumers shows them. Pure: states in, a statement out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from k2pipeline.warehouse.engine import quoted
from k2pipeline.warehouse.kafka.stats import ConsumerState

# Names and types as `DESCRIBE system.kafka_consumers` gives them; what has no meaning here stays empty.
_COLUMNS = {
    "database": "String",
    "table": "String",
    "consumer_id": "String",
    "assignments.topic": "Array(String)",
    "assignments.partition_id": "Array(Int32)",
    "assignments.current_offset": "Array(Int64)",
    "assignments.intent_size": "Array(Nullable(Int64))",
    "exceptions.time": "Array(DateTime)",
    "exceptions.text": "Array(String)",
    "last_poll_time": "DateTime",
    "num_messages_read": "UInt64",
    "last_commit_time": "DateTime",
    "num_commits": "UInt64",
    "last_rebalance_time": "DateTime",
    "num_rebalance_revocations": "UInt64",
    "num_rebalance_assignments": "UInt64",
    "is_currently_used": "UInt8",
    "last_used": "DateTime64(6)",
    "rdkafka_stat": "String",
    "dependencies": "Array(Array(String))",
    "missing_dependencies": "Array(Array(String))",
}


@dataclass(frozen=True)
class Reported:
    """One consumer of one table."""

    database: str
    table: str
    state: ConsumerState


def report_statement(consumers: Iterable[Reported]) -> str:
    """A view that holds the numbers as text: replaced in one step, and gone with the process."""
    structure = ", ".join(f"`{name}` {kind}" for name, kind in _COLUMNS.items())
    lines = "\n".join(json.dumps(_row(each)) for each in consumers)
    return (
        "CREATE OR REPLACE VIEW system.kafka_consumers AS "
        f"SELECT * FROM format(JSONEachRow, {quoted(structure)}, {quoted(lines)})"
    )


def _row(reported: Reported) -> dict[str, object]:
    state = reported.state
    partitions = sorted(state.next_offsets)
    return {
        "database": reported.database,
        "table": reported.table,
        "consumer_id": state.consumer_id,
        "assignments.topic": [topic for topic, _ in partitions],
        "assignments.partition_id": [number for _, number in partitions],
        "assignments.current_offset": [state.next_offsets[partition] for partition in partitions],
        "assignments.intent_size": [None] * len(partitions),
        "exceptions.time": [int(at_s) for at_s, _ in state.exceptions],
        "exceptions.text": [text for _, text in state.exceptions],
        "last_poll_time": int(state.last_poll_s),
        "num_messages_read": state.messages_read,
        "last_commit_time": int(state.last_commit_s),
        "num_commits": state.commits,
        "last_rebalance_time": int(state.last_rebalance_s),
        "num_rebalance_revocations": state.revocations,
        "num_rebalance_assignments": state.assignments,
        "is_currently_used": int(state.in_use),
        "last_used": datetime.fromtimestamp(state.last_used_s, UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
