"""Which partitions a consumer reads, and from where.

Partitions are assigned by hand, a fixed share for each consumer of a table, because a group join costs the
embedded broker half a session timeout. Offsets are still the group's: where it committed, or the start, as in
ClickHouse.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from confluent_kafka import OFFSET_BEGINNING, OFFSET_INVALID, Consumer, KafkaException, TopicPartition

from k2pipeline.warehouse.kafka.block import Partition
from k2pipeline.warehouse.kafka.stats import ConsumerStats

_SETTLED_REFRESH_S = 5.0
_UNSETTLED_REFRESH_S = 0.25
# How long an answer is waited for: briefly at first, since a DROP waits as long; longer for a slow broker.
_PATIENCE_S = (0.5, 4.0)


class Assignment:
    """The share `index` of `count` of all partitions of `topics`, kept up to date by `refresh`.

    Not for use from several threads.
    """

    def __init__(self, client: Consumer, topics: tuple[str, ...], share: tuple[int, int], stats: ConsumerStats) -> None:
        self._client = client
        self._topics = topics
        self._index, self._count = share
        self._stats = stats
        self._next: dict[Partition, int] = {}
        self._committed: dict[Partition, int] = {}
        self._uncommitted: dict[Partition, int] = {}
        self._void: set[Partition] = set()
        self._beyond_end: set[Partition] = set()
        self._refresh_at = 0.0
        self._patience_s = _PATIENCE_S[0]

    def unsettle(self) -> None:
        """Look again at once: the connection broke, and the broker may come back without what it knew."""
        self._refresh_at = 0.0

    @property
    def is_due(self) -> bool:
        """Whether `refresh` would ask the broker now."""
        return time.monotonic() >= self._refresh_at

    def advance(self, next_offsets: dict[Partition, int]) -> None:
        self._next.update(next_offsets)
        self._stats.moved(self._next)

    def delivered(self, next_offsets: dict[Partition, int]) -> None:
        """Inserted, so to be committed."""
        self._uncommitted.update(next_offsets)

    @property
    def uncommitted(self) -> dict[Partition, int]:
        """What was delivered and not committed since."""
        return dict(self._uncommitted)

    def committed(self, next_offsets: dict[Partition, int]) -> None:
        """All that was `uncommitted`."""
        self._committed.update(next_offsets)
        self._uncommitted.clear()

    def take_void(self) -> set[Partition]:
        """Partitions given up or restarted since the last call: no offset of theirs from before may be committed."""
        void, self._void = self._void, set()
        return void

    def refresh(self) -> None:
        """Take up partitions that appeared, give up those that went, restart those whose offsets are void.

        Raises KafkaException when the broker does not answer; asking again is the caller's business.
        """
        if not self.is_due:
            return
        self._refresh_at = time.monotonic() + _UNSETTLED_REFRESH_S
        patience_s, self._patience_s = self._patience_s, min(self._patience_s * 2, _PATIENCE_S[1])
        present, complete = self._present(patience_s)
        self._give_up(self._next.keys() - present)
        self._restart_lost(patience_s)
        self._take_up(sorted(present - self._next.keys()), patience_s)
        self._patience_s = _PATIENCE_S[0]
        if complete:
            self._refresh_at = time.monotonic() + _SETTLED_REFRESH_S

    def restart(self, partition: Partition, reason: str) -> None:
        """Read a partition from its start, and say so: what was between is lost, or comes again."""
        topic, number = partition
        self._stats.failed(f"{topic} [{number}]: {reason}; reading it from its start")
        self._client.incremental_unassign([TopicPartition(topic, number)])
        self._client.incremental_assign([TopicPartition(topic, number, OFFSET_BEGINNING)])
        for known in (self._committed, self._uncommitted):
            known.pop(partition, None)
        self._void.add(partition)
        self._beyond_end.discard(partition)
        self.advance({partition: OFFSET_INVALID})

    def _present(self, patience_s: float) -> tuple[set[Partition], bool]:
        # All topics are listed, because Tansu creates a topic that is asked for by name.
        listed = self._client.list_topics(timeout=patience_s).topics
        known = [topic for topic in self._topics if topic in listed and listed[topic].partitions]
        mine = {
            (topic, number)
            for topic in known
            for number in listed[topic].partitions
            if number % self._count == self._index
        }
        return mine, len(known) == len(self._topics)

    def _give_up(self, gone: Iterable[Partition]) -> None:
        for topic, number in gone:
            self._stats.failed(f"{topic} [{number}]: the broker does not have it any more; waiting for it")
            self._client.incremental_unassign([TopicPartition(topic, number)])
            for known in (self._next, self._committed, self._uncommitted):
                known.pop((topic, number), None)
            self._void.add((topic, number))
            self._stats.rebalanced(assigned=0, revoked=1)

    def _take_up(self, new: list[Partition], patience_s: float) -> None:
        if not new:
            return
        starts = self._group_offsets(new, patience_s)
        self._client.incremental_assign(
            [
                TopicPartition(topic, number, OFFSET_BEGINNING if offset < 0 else offset)
                for (topic, number), offset in starts.items()
            ]
        )
        self._committed.update({partition: offset for partition, offset in starts.items() if offset >= 0})
        self.advance(starts)
        self._stats.rebalanced(assigned=len(new), revoked=0)

    def _restart_lost(self, patience_s: float) -> None:
        """Find offsets that the broker forgot, or that lie beyond the end. Tansu reports neither by itself.

        A fetch beyond the end gives nothing, for ever; that it lies there is believed at the second look.
        """
        for partition, offset in self._group_offsets(list(self._committed), patience_s).items():
            if offset < 0:
                self.restart(partition, "the broker forgot the group's offset, so it came back empty")
        beyond = {partition for partition, offset in self._next.items() if self._end(partition) < offset}
        for partition in beyond & self._beyond_end:
            self.restart(partition, f"the next offset {self._next[partition]} is beyond the end")
        self._beyond_end = beyond

    def _end(self, partition: Partition) -> float:
        _, end = self._client.get_watermark_offsets(TopicPartition(*partition), cached=True)
        return end if end >= 0 else float("inf")

    def _group_offsets(self, partitions: list[Partition], patience_s: float) -> dict[Partition, int]:
        if not partitions:
            return {}
        wanted = [TopicPartition(topic, number) for topic, number in partitions]
        found = self._client.committed(wanted, timeout=patience_s)
        for each in found:
            if each.error is not None:
                raise KafkaException(each.error)
        return {(each.topic, each.partition): each.offset for each in found}
