"""What the end-to-end tests of the stack share: topics filled, Kafka tables made, conditions waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from k2pipeline.stack import Stack

QUEUE_COLUMNS = "message, _topic AS topic, _partition AS number, _offset AS position"
TARGET_COLUMNS = "message String, topic LowCardinality(String), number UInt64, position UInt64"


def wait_for(condition: Callable[[], bool], what: str, limit_s: float = 60.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {limit_s:g} s: {what}"
        time.sleep(0.01)


class Rig:
    """A stack, and a database and a topic for one test."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.stack = stack
        self.database = name
        self.topic = f"{name}.frames"
        self.group = f"{name}.group"

    def sql(self, statement: str) -> Any:
        with self.stack.warehouse.client(database="default") as client:
            return client.command(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.stack.warehouse.client(database="default") as client:
            return list(client.query(query).result_rows)

    def produce(self, values: Sequence[bytes | None], partitions: int = 1, **message: Any) -> None:
        """Value number i goes to partition i % partitions; returns when the broker has them all."""
        producer = Producer({"bootstrap.servers": self.stack.bootstrap, "linger.ms": 20})
        for number, value in enumerate(values):
            producer.produce(self.topic, value=value, partition=number % partitions, **message)
            producer.poll(0)
        assert producer.flush(60) == 0

    def create_queue(self, **settings: object) -> None:
        given = {
            "kafka_broker_list": self.stack.warehouse_bootstrap,
            "kafka_topic_list": self.topic,
            "kafka_group_name": self.group,
            "kafka_format": "RawBLOB",
            "kafka_flush_interval_ms": 50,
            **settings,
        }
        listed = ", ".join(f"{key} = '{value}'" for key, value in given.items())
        self.sql(f"CREATE TABLE {self.database}.queue (message String) ENGINE = Kafka SETTINGS {listed}")

    def create_view(self, columns: str = QUEUE_COLUMNS, queue: str = "queue") -> None:
        self.sql(
            f"CREATE MATERIALIZED VIEW {self.database}.view TO {self.database}.target AS "
            f"SELECT {columns} FROM {self.database}.{queue}"
        )

    def create_pipeline(self, partitions: int = 1, **settings: object) -> None:
        """Topic, queue, and a view into a target that keeps every row, redelivered ones too."""
        self.stack.create_topics([self.topic], partitions)
        self.create_target()
        self.create_queue(**settings)
        self.create_view()

    def create_target(self) -> None:
        self.sql(
            f"CREATE TABLE {self.database}.target ({TARGET_COLUMNS}) ENGINE = MergeTree ORDER BY (number, position)"
        )

    def count(self) -> int:
        return int(self.sql(f"SELECT uniqExact(topic, number, position) FROM {self.database}.target"))

    def wait_for_rows(self, expected: int, limit_s: float = 60.0) -> None:
        wait_for(lambda: self.count() == expected, f"{expected} rows in {self.database}.target", limit_s)

    def consumers(self) -> list[dict[str, Any]]:
        with self.stack.warehouse.client(database="default") as client:
            where = f"WHERE database = '{self.database}' ORDER BY consumer_id"
            return list(client.query(f"SELECT * FROM system.kafka_consumers {where}").named_results())

    def committed(self, partitions: int = 1) -> list[int]:
        client = Consumer({"bootstrap.servers": self.stack.bootstrap, "group.id": self.group})
        try:
            wanted = [TopicPartition(self.topic, number) for number in range(partitions)]
            return [each.offset for each in client.committed(wanted, timeout=30)]
        finally:
            client.close()


@contextmanager
def rig_on(stack: Stack, name: str) -> Iterator[Rig]:
    rig = Rig(stack, name)
    rig.sql(f"CREATE DATABASE {name}")
    try:
        yield rig
    finally:
        rig.sql(f"DROP DATABASE IF EXISTS {name}")
