"""Which partitions, from where, and what when offsets are void; against a broker that is a dictionary."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from k2pipeline.warehouse.kafka.assignment import Assignment
from k2pipeline.warehouse.kafka.stats import ConsumerStats


@dataclass
class FakeClient:
    """Answers as librdkafka does, from what the test says the broker has."""

    partitions: dict[str, int]
    committed_offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    down: bool = False
    assigned: dict[tuple[str, int], int] = field(default_factory=dict)

    def list_topics(self, timeout: float) -> Any:  # noqa: ARG002
        if self.down:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return SimpleNamespace(
            topics={name: SimpleNamespace(partitions=dict.fromkeys(range(n))) for name, n in self.partitions.items()}
        )

    def committed(self, wanted: list[TopicPartition], timeout: float) -> list[TopicPartition]:  # noqa: ARG002
        offsets = [self.committed_offsets.get((each.topic, each.partition), -1001) for each in wanted]
        return [TopicPartition(each.topic, each.partition, offset) for each, offset in zip(wanted, offsets)]  # noqa: B905

    def get_watermark_offsets(self, partition: TopicPartition, cached: bool) -> tuple[int, int]:  # noqa: ARG002
        return 0, self.ends.get((partition.topic, partition.partition), -1001)

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self.assigned |= {(each.topic, each.partition): each.offset for each in partitions}

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        for each in partitions:
            del self.assigned[each.topic, each.partition]


def assignment_on(client: FakeClient, share: tuple[int, int] = (0, 1), topics: tuple[str, ...] = ("t",)) -> Assignment:
    return Assignment(cast(Consumer, client), topics, share, ConsumerStats("tested"))


def refresh(assignment: Assignment) -> None:
    assignment.unsettle()
    assignment.refresh()


def test_partitions_start_at_the_committed_offset_or_the_beginning() -> None:
    client = FakeClient({"t": 2, "other": 1}, committed_offsets={("t", 1): 7})
    assignment_on(client).refresh()
    assert client.assigned == {("t", 0): OFFSET_BEGINNING, ("t", 1): 7}


def test_consumers_share_all_partitions_and_no_partition_twice() -> None:
    shares = []
    for index in range(3):
        client = FakeClient({"t": 4, "u": 2})
        assignment_on(client, (index, 3), ("t", "u")).refresh()
        shares.append(set(client.assigned))
    assert sum(map(len, shares)) == 6
    assert set.union(*shares) == {("t", 0), ("t", 1), ("t", 2), ("t", 3), ("u", 0), ("u", 1)}


def test_topic_and_partitions_that_appear_later_are_taken_up() -> None:
    client = FakeClient({})
    assignment = assignment_on(client)
    assignment.refresh()
    assert client.assigned == {}
    client.partitions["t"] = 1
    refresh(assignment)
    assert set(client.assigned) == {("t", 0)}
    client.partitions["t"] = 2
    refresh(assignment)
    assert set(client.assigned) == {("t", 0), ("t", 1)}


def test_settled_assignment_does_not_ask_again_at_once() -> None:
    client = FakeClient({"t": 1})
    assignment = assignment_on(client)
    assignment.refresh()
    client.partitions["t"] = 2
    assignment.refresh()
    assert set(client.assigned) == {("t", 0)}


def test_offsets_that_the_broker_forgot_restart_the_partition_with_a_warning() -> None:
    client = FakeClient({"t": 1})
    stats = ConsumerStats("tested")
    assignment = Assignment(cast(Consumer, client), ("t",), (0, 1), stats)
    assignment.refresh()
    assignment.advance({("t", 0): 50})
    assignment.committed({("t", 0): 50})
    client.committed_offsets[("t", 0)] = 50
    client.assigned[("t", 0)] = 50
    refresh(assignment)
    assert client.assigned == {("t", 0): 50}, "nothing was forgotten yet"
    client.committed_offsets.clear()
    refresh(assignment)
    assert client.assigned == {("t", 0): OFFSET_BEGINNING}
    assert "t [0]: the broker forgot" in stats.snapshot().exceptions[-1][1]


def test_offset_beyond_the_end_restarts_the_partition_at_the_second_look() -> None:
    client = FakeClient({"t": 1}, committed_offsets={("t", 0): 50}, ends={("t", 0): 10})
    assignment = assignment_on(client)
    assignment.refresh()
    refresh(assignment)
    assert client.assigned == {("t", 0): 50}, "once may be a stale answer"
    refresh(assignment)
    assert client.assigned == {("t", 0): OFFSET_BEGINNING}


def test_offset_at_the_end_is_no_reason_to_restart() -> None:
    client = FakeClient({"t": 1}, committed_offsets={("t", 0): 10}, ends={("t", 0): 10})
    assignment = assignment_on(client)
    for _ in range(3):
        refresh(assignment)
    assert client.assigned == {("t", 0): 10}


def test_partition_that_went_is_given_up_and_taken_up_when_it_returns() -> None:
    client = FakeClient({"t": 1}, committed_offsets={("t", 0): 5})
    stats = ConsumerStats("tested")
    assignment = Assignment(cast(Consumer, client), ("t",), (0, 1), stats)
    assignment.refresh()
    client.partitions, client.committed_offsets = {}, {}
    refresh(assignment)
    assert client.assigned == {}
    client.partitions["t"] = 1
    refresh(assignment)
    assert client.assigned == {("t", 0): OFFSET_BEGINNING}
    state = stats.snapshot()
    assert (state.assignments, state.revocations) == (2, 1)


def test_silent_broker_is_the_callers_business_and_changes_nothing() -> None:
    client = FakeClient({"t": 1})
    assignment = assignment_on(client)
    assignment.refresh()
    client.down = True
    with pytest.raises(KafkaException):
        refresh(assignment)
    assert set(client.assigned) == {("t", 0)}


def test_delivered_offsets_wait_for_their_commit_and_for_no_restart() -> None:
    client = FakeClient({"t": 2})
    assignment = assignment_on(client)
    assignment.refresh()
    assignment.delivered({("t", 0): 5, ("t", 1): 7})
    assignment.delivered({("t", 0): 6})
    assert assignment.uncommitted == {("t", 0): 6, ("t", 1): 7}
    assignment.restart(("t", 1), "offset out of range")
    assert assignment.uncommitted == {("t", 0): 6}, "committing 7 now would skip what the new log holds"
    assert (assignment.take_void(), assignment.take_void()) == ({("t", 1)}, set())
    assignment.committed(assignment.uncommitted)
    assert assignment.uncommitted == {}
