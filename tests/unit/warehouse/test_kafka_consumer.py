"""A consumer's commits and restarts, against a client that plays a script; what a real broker seldom does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from k2pipeline.warehouse.kafka.block import Block
from k2pipeline.warehouse.kafka.consumer import KafkaConsumer
from k2pipeline.warehouse.kafka.ddl import KafkaTableDefinition
from k2pipeline.warehouse.kafka.gate import Gate
from k2pipeline.warehouse.kafka.insert import TableName
from k2pipeline.warehouse.kafka.settings import KafkaSettings
from k2pipeline.warehouse.kafka.stats import ConsumerStats

SETTINGS = KafkaSettings("b:1", ("t",), "g", poll_timeout_ms=10, flush_interval_ms=10)


class Spoken:
    """A message at an offset, or an error event."""

    def __init__(self, offset: int, error: KafkaError | None = None) -> None:
        self._offset, self._error = offset, error

    def error(self) -> KafkaError | None:
        return self._error

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset


class ScriptedClient:
    """Gives one poll after the other, then nothing; the first `failing_commits` commits fail."""

    def __init__(self, polls: list[list[Spoken]], failing_commits: int = 0) -> None:
        self.polls = polls
        self.failing_commits = failing_commits
        self.commits: list[int] = []
        self.starts: list[int] = []

    def consume(self, _: int, timeout: float) -> list[Spoken]:
        if self.polls:
            return self.polls.pop(0)
        time.sleep(min(timeout, 0.001))
        return []

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        assert not asynchronous
        if self.failing_commits:
            self.failing_commits -= 1
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        self.commits += [each.offset for each in offsets]
        return offsets

    def list_topics(self, timeout: float) -> Any:  # noqa: ARG002
        return SimpleNamespace(topics={"t": SimpleNamespace(partitions={0: None})})

    def committed(self, wanted: list[TopicPartition], timeout: float) -> list[TopicPartition]:  # noqa: ARG002
        return [TopicPartition("t", 0, self.commits[-1] if self.commits else -1001) for _ in wanted]

    def get_watermark_offsets(self, _: TopicPartition, cached: bool) -> tuple[int, int]:  # noqa: ARG002
        return 0, -1001

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self.starts += [each.offset for each in partitions]

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        pass

    def close(self) -> None:
        pass


class OffsetBlock(Block):
    """A block of scripted messages, of which only the offsets matter here."""

    def add(self, messages: Any) -> None:
        self.message_count += len(messages)
        self.next_offsets["t", 0] = messages[-1].offset() + 1


@contextmanager
def consuming(client: ScriptedClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A consumer at work on the script; the number of messages of each insert that it made."""
    inserts: list[int] = []
    monkeypatch.setattr("k2pipeline.warehouse.kafka.consumer.Consumer", lambda *_, **__: client)
    monkeypatch.setattr("k2pipeline.warehouse.kafka.consumer.Message", Spoken)
    monkeypatch.setattr("k2pipeline.warehouse.kafka.consumer.Block", OffsetBlock)
    monkeypatch.setattr(
        "k2pipeline.warehouse.kafka.consumer.insert", lambda *arguments: inserts.append(arguments[-1].message_count)
    )
    definition = KafkaTableDefinition(SETTINGS, "message")
    connect = cast(Any, lambda: SimpleNamespace(close=lambda: None))
    consumer = KafkaConsumer(TableName("k2", "queue"), definition, 0, Gate(), connect, ConsumerStats("tested"))
    consumer.start()
    try:
        yield inserts
    finally:
        consumer.stop()
        consumer.join(10)
        assert not consumer.is_alive()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_commit_that_failed_is_made_again_though_nothing_more_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    client = ScriptedClient([[Spoken(0), Spoken(1)]], failing_commits=2)
    with consuming(client, monkeypatch) as inserts:
        wait_for(lambda: client.commits == [2])
        assert inserts == [2]


def test_partition_that_restarts_while_a_block_is_gathered_keeps_none_of_its_old_offsets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reset = Spoken(0, KafkaError(KafkaError._AUTO_OFFSET_RESET))
    client = ScriptedClient([[Spoken(40), Spoken(41), reset]])
    with consuming(client, monkeypatch) as inserts:
        wait_for(lambda: inserts == [2] and len(client.starts) == 2)
        client.polls.append([Spoken(0)])
        wait_for(lambda: bool(client.commits))
        assert client.commits == [1], "42 belongs to the log that is gone"
