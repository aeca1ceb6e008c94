"""How far the warehouse is behind its topics, as the broker knows it. It only asks: joins no group, commits nothing."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from confluent_kafka import Consumer, KafkaException, TopicPartition

from k2pipeline.broker_security import broker_settings
from k2pipeline.exchanges import DLQ_TOPIC, EXCHANGES
from k2pipeline.exporter.tally import Tally

_REQUEST_S: Final = 5.0


def followed() -> dict[str, str]:
    """Label and topic; `dlq` is that of frames the feed handlers could not classify."""
    return {**{name: exchange.topic for name, exchange in EXCHANGES.items()}, "dlq": DLQ_TOPIC}


class BrokerLook:
    """One client for each consumer group `<prefix>-<label>`."""

    def __init__(self, bootstrap: str, group: str, topics: Mapping[str, str]) -> None:
        self._topics = dict(topics)
        self._clients = {
            label: Consumer(
                {
                    **broker_settings(bootstrap),
                    "group.id": f"{group}-{label}",
                    "enable.auto.commit": False,
                    "log_level": 0,
                }
            )
            for label in topics
        }

    def look(self, tally: Tally) -> None:
        """Raises KafkaException where the broker does not answer."""
        for label, client in self._clients.items():
            ends, committed = _positions(client, self._topics[label])
            tally.set("k2_topic_messages", label, value=sum(ends))
            tally.set("k2_consumed_messages", label, value=sum(committed))
            tally.set("k2_consumer_lag_messages", label, value=sum(ends) - sum(committed))

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _positions(client: Consumer, topic: str) -> tuple[list[int], list[int]]:
    """The end of each partition, and the offset that its group committed."""
    # All topics are listed, because Tansu creates a topic that is asked for by name.
    found = client.list_topics(timeout=_REQUEST_S).topics.get(topic)
    if found is None:
        return [], []
    if found.error is not None:
        raise KafkaException(found.error)
    partitions = [TopicPartition(topic, number) for number in sorted(found.partitions)]
    # Before its first commit a group has a negative offset.
    committed = [max(each.offset, 0) for each in client.committed(partitions, timeout=_REQUEST_S)]
    ends = [client.get_watermark_offsets(each, timeout=_REQUEST_S)[1] for each in partitions]
    # Tansu's end is that of the newest batch's first message, so what was read may be beyond it.
    return [max(end, done) for end, done in zip(ends, committed, strict=True)], committed
