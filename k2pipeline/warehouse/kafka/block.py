"""Kafka messages as the columns of a Kafka table. Pure: confluent_kafka messages in, Arrow out.

Per-message Python work is what bounds a consumer, so every column is one `map` over a C method of Message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import pyarrow as pa
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message

Partition = tuple[str, int]

_SCHEMA = pa.schema(
    [
        ("message", pa.large_binary()),
        ("_topic", pa.string()),
        ("_key", pa.binary()),
        ("_offset", pa.uint64()),
        ("_partition", pa.uint64()),
        ("_timestamp_ms", pa.timestamp("ms")),
        ("_headers.name", pa.list_(pa.string())),
        ("_headers.value", pa.list_(pa.binary())),
    ]
)


@dataclass
class Block:
    """Messages that go through the views in one insert, and the offsets to commit once they did."""

    batches: list[pa.RecordBatch] = field(default_factory=list)
    next_offsets: dict[Partition, int] = field(default_factory=dict)
    message_count: int = 0

    @property
    def row_count(self) -> int:
        return sum(batch.num_rows for batch in self.batches)

    def add(self, messages: Sequence[Message]) -> None:
        """Append messages in their order. None of them may be an error event."""
        self.message_count += len(messages)
        self.next_offsets.update(_next_offsets(messages))
        # ClickHouse makes no row of a message without bytes (tombstone or empty value), but moves past it.
        rows = messages if all(map(Message.value, messages)) else [each for each in messages if each.value()]
        if rows:
            self.batches.append(_record_batch(rows))

    def table(self) -> pa.Table:
        """One row per message, columns as in `_SCHEMA`; keys and header values that are null become empty.

        In one piece: chDB reads that in half the time, the copy included.
        """
        return pa.Table.from_batches(self.batches, _SCHEMA).combine_chunks()


def _next_offsets(messages: Sequence[Message]) -> dict[Partition, int]:
    topics, numbers = map(Message.topic, messages), map(Message.partition, messages)
    last: dict[Any, Any] = dict(zip(zip(topics, numbers, strict=True), map(Message.offset, messages), strict=True))
    return {partition: offset + 1 for partition, offset in last.items()}


def _record_batch(messages: Sequence[Message]) -> pa.RecordBatch:
    names, values = _headers(messages)
    stamps = map(Message.timestamp, messages)
    columns = [
        list(map(Message.value, messages)),
        list(map(Message.topic, messages)),
        [key or b"" for key in map(Message.key, messages)],
        list(map(Message.offset, messages)),
        list(map(Message.partition, messages)),
        [None if kind == TIMESTAMP_NOT_AVAILABLE else time_ms for kind, time_ms in stamps],
    ]
    arrays = [pa.array(column, spec.type) for column, spec in zip(columns, _SCHEMA, strict=False)]
    return pa.RecordBatch.from_arrays([*arrays, names, values], schema=_SCHEMA)


def _headers(messages: Sequence[Message]) -> tuple[pa.ListArray, pa.ListArray]:
    lists = [headers or () for headers in map(Message.headers, messages)]
    pairs = list(chain.from_iterable(lists))
    ends = [0]
    for headers in lists:
        ends.append(ends[-1] + len(headers))
    offsets = pa.array(ends, pa.int32())
    names = pa.array([name for name, _ in pairs], pa.string())
    values = pa.array([value or b"" for _, value in pairs], pa.binary())
    return pa.ListArray.from_arrays(offsets, names), pa.ListArray.from_arrays(offsets, values)
