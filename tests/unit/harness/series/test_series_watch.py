"""What a look asks of the broker: one request for all ends, one for the offsets of each group, and no list twice."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from harness.series.watch import Lags, pause_s

ENDS = {("a", 0): 10, ("a", 1): 7, ("b", 0): 0}
NEVER_COMMITTED = -1001


@dataclass
class Broker:
    """Answers as a broker's clients do, and counts what it was asked."""

    committed_at: dict[tuple[str, int], int]
    asked: Counter[str] = field(default_factory=Counter)
    error: KafkaError | None = None

    def list_topics(self, topic: str, timeout: float) -> Any:
        assert timeout > 0
        self.asked["list"] += 1
        partitions = dict.fromkeys(partition for name, partition in ENDS if name == topic)
        return SimpleNamespace(topics={topic: SimpleNamespace(error=self.error, partitions=partitions)})

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        assert timeout > 0
        self.asked["committed"] += 1
        return [
            TopicPartition(
                each.topic, each.partition, self.committed_at.get((each.topic, each.partition), NEVER_COMMITTED)
            )
            for each in partitions
        ]

    def list_offsets(self, wanted: dict[TopicPartition, Any], request_timeout: float) -> dict[TopicPartition, Any]:
        assert request_timeout > 0
        self.asked["ends"] += 1
        return {each: answered(ENDS[each.topic, each.partition]) for each in wanted}


def answered(offset: int) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(SimpleNamespace(offset=offset))
    return future


def lags(broker: Broker) -> Lags:
    clients: dict[str, Any] = {"a": broker, "b": broker}
    admin: Any = broker
    return Lags(admin, clients)


def test_lag_is_what_was_not_committed_of_all_partitions() -> None:
    assert lags(Broker({("a", 0): 4, ("a", 1): 7})).messages() == {"a": 6, "b": 0}


def test_a_group_that_never_committed_is_behind_by_everything() -> None:
    assert lags(Broker({})).messages() == {"a": 17, "b": 0}


def test_a_look_is_one_request_for_all_ends_and_one_for_each_group() -> None:
    broker = Broker({})
    looking = lags(broker)
    for _ in range(5):
        looking.messages()
    assert broker.asked == {"list": 2, "ends": 5, "committed": 10}


def test_a_topic_that_is_not_there_is_an_error_and_asked_for_again() -> None:
    broker = Broker({}, error=KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    looking = lags(broker)
    with pytest.raises(KafkaException):
        looking.messages()
    broker.error = None
    assert looking.messages() == {"a": 17, "b": 0}


def test_looks_become_rarer_so_that_an_hour_is_a_few_hundred_of_them() -> None:
    age_s, looks = 0.0, 0
    while age_s < 3600:
        age_s += pause_s(age_s)
        looks += 1
    assert pause_s(0) == pause_s(30) == 0.5
    assert 400 < looks < 800
