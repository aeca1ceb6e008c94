"""Waiting until the pipeline has taken in everything that was acknowledged.

The warehouse commits an offset after the insert that holds it has returned, through every view behind it. So
when the committed offsets reach the end of what was sent, bronze, silver and gold are as they will stay.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from k2pipeline.broker_security import broker_settings

Ends = Mapping[tuple[str, int], int]
"""(topic, partition) -> the offset after the last one acknowledged."""

_POLL_SECONDS: Final = 0.05
_REQUEST_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Settled:
    """How far consumption got: lag_messages is 0 when nothing is left to take in."""

    lag_messages: int
    seconds: float


def ends_now(consumer: Consumer, topics: Iterable[str]) -> dict[tuple[str, int], int]:
    """Where the topics' partitions end at this moment. Raises KafkaException if the broker does not say."""
    listed = consumer.list_topics(timeout=_REQUEST_SECONDS).topics
    places = [(topic, partition) for topic in topics for partition in listed[topic].partitions]
    found = [consumer.get_watermark_offsets(TopicPartition(*place), timeout=_REQUEST_SECONDS) for place in places]
    return {place: marks[1] if marks else 0 for place, marks in zip(places, found, strict=True)}


def wait_until_consumed(
    bootstrap: str,
    group_prefix: str,
    ends: Ends,
    stall_seconds: float = 30.0,
    progress: Callable[[int], None] = lambda _: None,
    require_alive: Callable[[], None] = lambda: None,
) -> Settled:
    """Wait until every group `<prefix>-<last part of the topic>` has committed up to `ends`.

    Gives up when for stall_seconds nothing more was committed; the lag that is left is in the answer, and the
    checks will show what it means. `progress` is called with the lag in messages, and `require_alive` now and then: it
    raises when a part of the stack has died, for which nobody needs to wait.
    """
    topics = sorted({topic for topic, _ in ends})
    consumers = {topic: offsets_reader(bootstrap, f"{group_prefix}-{topic.rsplit('.', 1)[1]}") for topic in topics}
    started = moved = looked = time.monotonic()
    least = None
    try:
        while True:
            lag = sum(_lag(consumers[topic], topic, ends) for topic in topics)
            progress(lag)
            now = time.monotonic()
            if least is None or lag < least:
                least, moved = lag, now
            if now - looked > _LOOK_SECONDS:
                require_alive()
                looked = time.monotonic()
            if lag == 0 or now - moved > stall_seconds:
                return Settled(lag, now - started)
            time.sleep(_POLL_SECONDS)
    finally:
        for consumer in consumers.values():
            consumer.close()


def offsets_reader(bootstrap: str, group: str) -> Consumer:
    """A consumer that only asks for offsets; it never subscribes, so it never joins the group."""
    return Consumer({**broker_settings(bootstrap), "group.id": group, "enable.auto.commit": False})


def _lag(consumer: Consumer, topic: str, ends: Ends) -> int:
    wanted = [TopicPartition(topic, partition) for name, partition in ends if name == topic]
    try:
        committed = consumer.committed(wanted, timeout=_REQUEST_SECONDS)
    except KafkaException:
        # A broker that does not answer this time makes no progress; the stall limit ends the waiting.
        return sum(end for (name, _), end in ends.items() if name == topic)
    return sum(max(ends[topic, found.partition] - max(found.offset, 0), 0) for found in committed)
