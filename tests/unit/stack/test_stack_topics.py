"""Topics take the longest frame that a feed handler takes, where the broker lets its users choose."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.cimpl import NewTopic

from k2pipeline.feed.limits import Limits
from k2pipeline.feed.outlet import PRODUCER_DEFAULTS
from k2pipeline.stack import topics
from k2pipeline.stack.base import StackError


class Broker:
    """Answers as a broker that refuses some settings of a topic."""

    def __init__(self, refuses: int | None) -> None:
        self._refuses = refuses
        self.limits: dict[str, str | None] = {}

    def create_topics(self, wanted: list[NewTopic], request_timeout: float) -> dict[str, Future[None]]:
        assert request_timeout > 0
        answers = {}
        for topic in wanted:
            answers[topic.topic] = Future[None]()
            if self._refuses is not None and topic.config:
                answers[topic.topic].set_exception(KafkaException(KafkaError(self._refuses)))
            else:
                self.limits[topic.topic] = (topic.config or {}).get("max.message.bytes")
                answers[topic.topic].set_result(None)
        return answers


def created(monkeypatch: pytest.MonkeyPatch, broker: Broker) -> None:
    monkeypatch.setattr(topics, "admin_client", lambda _: broker)
    monkeypatch.setattr(topics, "topic_partitions", lambda _: dict.fromkeys(broker.limits, 4))
    topics.create_topics("there:9092", ["a", "b"], partitions=4)


def test_a_topic_takes_the_longest_frame_and_what_the_producer_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker(refuses=None)
    created(monkeypatch, broker)
    assert set(broker.limits.values()) == {str(PRODUCER_DEFAULTS["message.max.bytes"])}
    assert Limits().max_frame_bytes < topics.LARGEST_MESSAGE_BYTES


@pytest.mark.parametrize("code", [KafkaError.POLICY_VIOLATION, KafkaError.INVALID_CONFIG])
def test_a_broker_that_keeps_its_own_limit_still_gets_the_topics(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    broker = Broker(refuses=code)
    created(monkeypatch, broker)
    assert broker.limits == {"a": None, "b": None}


def test_any_other_refusal_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StackError, match="topic a at there:9092"):
        created(monkeypatch, Broker(refuses=KafkaError.TOPIC_AUTHORIZATION_FAILED))
