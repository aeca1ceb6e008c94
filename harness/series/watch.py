"""Samples what leaves no trace behind: how far each consumer group is behind, how many parts each table has, and what
each process takes of memory and processor.

A thread looks twice a second at first and ever more rarely, so that an hour makes a few hundred samples and
not fourteen thousand. A look costs the broker one request for the ends of all partitions and one for each group's
offsets, and the warehouse one query of its part list; `python -m benchmarks.probing` measures what that takes of them.
Partitions are listed once. A sample that fails (a broker killed on purpose does not answer) is left out and counted.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psutil
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # public, but not in its __all__

from k2pipeline.broker_security import broker_settings
from k2pipeline.exchanges import TOPICS
from k2pipeline.stack import Stack

PARTS: Final = """
SELECT table, count() AS parts FROM system.parts WHERE active AND database = 'k2' GROUP BY table ORDER BY table"""
_FIRST_PAUSE_S: Final = 0.5
_LOOKS_PER_AGE: Final = 120
_REQUEST_S: Final = 2.0
_JOIN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One look, at_ns since 1970: messages behind by topic, active parts by table, and by process (the stack's own, the
    harness, and `senders` for all that the harness started besides) resident bytes and CPU time in ms since its start.
    """

    at_ns: int
    lag_messages: Mapping[str, int]
    parts: Mapping[str, int]
    memory_bytes: Mapping[str, int] = field(default_factory=dict)
    cpu_ms: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Watch:
    """The samples so far; how many failed, and why the first of those did."""

    samples: list[Sample] = field(default_factory=list)
    missed: int = 0
    missed_because: str | None = None


@contextmanager
def watching(running: Stack, group: str) -> Iterator[Watch]:
    """Sample until the block ends. Topics must exist, and the schema be applied."""
    watch, ended = Watch(), threading.Event()
    thread = threading.Thread(target=_look, args=(running, group, watch, ended), name="watch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        ended.set()
        # It ends after the request it is in. One that hangs must not hold up the run: it is a daemon.
        thread.join(_JOIN_S)


def pause_s(age_s: float) -> float:
    """How long to wait before the next look, after age_s of looking."""
    return max(_FIRST_PAUSE_S, age_s / _LOOKS_PER_AGE)


@dataclass(slots=True)
class Lags:
    """Asks how far each group is behind: one request for all ends, one for the offsets of each group."""

    admin: AdminClient
    groups: Mapping[str, Consumer]
    partitions: dict[str, list[TopicPartition]] = field(default_factory=dict)

    def messages(self) -> dict[str, int]:
        """By topic."""
        for topic, consumer in self.groups.items():
            if topic not in self.partitions:
                self.partitions[topic] = _partitions(consumer, topic)
        wanted = {each: OffsetSpec.latest() for partitions in self.partitions.values() for each in partitions}
        asked = self.admin.list_offsets(wanted, request_timeout=_REQUEST_S)
        ends = {(each.topic, each.partition): found.result(_REQUEST_S).offset for each, found in asked.items()}
        behind: dict[str, int] = {}
        for topic, partitions in self.partitions.items():
            committed = self.groups[topic].committed(partitions, timeout=_REQUEST_S)
            # Before its first commit a group has a negative offset.
            behind[topic] = sum(max(ends[topic, each.partition] - max(each.offset, 0), 0) for each in committed)
        return behind


def _partitions(consumer: Consumer, topic: str) -> list[TopicPartition]:
    found = consumer.list_topics(topic, timeout=_REQUEST_S).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    return [TopicPartition(topic, partition) for partition in found.partitions]


def _look(running: Stack, group: str, watch: Watch, ended: threading.Event) -> None:
    started = time.monotonic()
    with ExitStack() as stack:
        groups: dict[str, Consumer] = {}
        for topic in TOPICS:
            groups[topic] = _reader(running.bootstrap, f"{group}-{topic.rsplit('.', 1)[1]}")
            stack.callback(groups[topic].close)
        lags = Lags(AdminClient({**broker_settings(running.bootstrap), "log_level": 0}), groups)
        client: Any = None
        while not ended.is_set():
            try:
                client = client or stack.enter_context(running.warehouse.client())
                watch.samples.append(_sample(lags, client, running))
            except Exception as error:  # noqa: BLE001  # whatever fails here must not fail the run; it is reported
                watch.missed += 1
                watch.missed_because = watch.missed_because or f"{type(error).__name__}: {error}"[:300]
            ended.wait(pause_s(time.monotonic() - started))


def _sample(lags: Lags, client: Any, running: Stack) -> Sample:
    at_ns = time.time_ns()
    return Sample(at_ns, lags.messages(), dict(client.query(PARTS).result_rows), *usage(running.processes))


def usage(processes: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Resident bytes and CPU time in ms: of the processes with these ids, of this one, and of its other children."""
    names = {pid: name for name, pid in processes.items()}
    memory_bytes, cpu_ms = Counter[str](), Counter[str]()
    this = psutil.Process()
    for process in (this, *this.children(recursive=True)):
        name = "harness" if process == this else names.get(process.pid, "senders")
        try:
            with process.oneshot():
                spent, resident = process.cpu_times(), process.memory_info().rss
        except psutil.Error:  # it has just ended
            continue
        memory_bytes[name] += resident
        cpu_ms[name] += round((spent.user + spent.system) * 1000)
    return dict(memory_bytes), dict(cpu_ms)


def _reader(bootstrap: str, group: str) -> Consumer:
    # Only asks for offsets; it never subscribes, so it never joins the group.
    return Consumer({**broker_settings(bootstrap), "group.id": group, "enable.auto.commit": False, "log_level": 0})
