"""One consumer of a Kafka table: poll, gather a block, insert it, commit its offsets. At least once.

A block goes through all views in one insert, and its offsets are committed after that insert returned. While
it runs the next block is gathered, so blocks grow with the load; never do two inserts of one consumer run at
once. A block that cannot be inserted is held and tried again until it can or the consumer stops; nothing is
skipped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from k2pipeline.warehouse.engine import EngineConnection
from k2pipeline.warehouse.kafka.assignment import Assignment
from k2pipeline.warehouse.kafka.block import Block, Partition
from k2pipeline.warehouse.kafka.ddl import KafkaTableDefinition
from k2pipeline.warehouse.kafka.gate import Gate
from k2pipeline.warehouse.kafka.insert import TableName, insert
from k2pipeline.warehouse.kafka.settings import FETCH_WAIT_MS, KafkaSettings
from k2pipeline.warehouse.kafka.stats import LOG, ConsumerStats

# A poll is cut into slices so that a DROP does not wait for a long kafka_poll_timeout_ms; into shorter ones while an
# insert runs, whose end is to be noticed: its offsets are committed then, and the next flush interval begins.
_POLL_SLICE_S, _POLL_SLICE_INSERTING_S = 0.1, 0.01
# Messages are made columns in small lots: their objects die young, before Python's garbage collection walks
# through them. Lots of 65,000 halve the throughput.
_LOT_MESSAGES = 500
_RETRY_MIN_S, _RETRY_MAX_S = 0.1, 5.0

CLIENT_OPTIONS = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "allow.auto.create.topics": False,
    # Our own answer to an offset that is out of range is the start, with a warning (assignment.py).
    "auto.offset.reset": "error",
    "fetch.wait.max.ms": FETCH_WAIT_MS,
    # After a full queue the client would wait a whole second before it fetches again.
    "fetch.queue.backoff.ms": 10,
    "reconnect.backoff.max.ms": 1_000,
    # Connection errors come through error_cb; the client's own log repeats them at every attempt.
    "log_level": 2,
    # No group is joined; these bound how long a commit hangs on a broker that is gone or does not answer.
    "session.timeout.ms": 2_000,
    "heartbeat.interval.ms": 500,
    "socket.timeout.ms": 10_000,
    # A failing view may hold its consumer up for as long as it takes to mend it.
    "max.poll.interval.ms": 86_400_000,
}


class KafkaConsumer(threading.Thread):
    """Consumer `index` of a table. `stop` asks it to end, `join` waits for that."""

    def __init__(
        self,
        name: TableName,
        definition: KafkaTableDefinition,
        index: int,
        gate: Gate,
        connect: Callable[[], EngineConnection],
        stats: ConsumerStats,
    ) -> None:
        super().__init__(name=f"kafka-{name.table}-{index}", daemon=True)
        self._table = name
        self._definition = definition
        self._settings = definition.settings
        self._index = index
        self._gate = gate
        self._connect = connect
        self._stats = stats
        self._stopping = False
        self._wake = threading.Event()
        self._under_way: Future[dict[Partition, int]] | None = None

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        self._gate.wake()

    def retry(self) -> None:
        """Try a held block again now: the tables have changed."""
        self._wake.set()

    def run(self) -> None:
        self._stats.started()
        while not self._stopping:
            try:
                self._consume()
            except Exception as error:  # noqa: BLE001  (whatever it was, the topic must go on later)
                self._stall(error, _RETRY_MAX_S)
        self._stats.stopped()

    def _consume(self) -> None:
        with (
            closing(self._connect()) as connection,
            closing(Consumer(self._client_options(), logger=LOG)) as client,
            ThreadPoolExecutor(1, f"{self.name}-insert") as inserter,
        ):
            share = (self._index, self._settings.consumer_threads)
            self._assignment = Assignment(client, self._settings.topics, share, self._stats)
            self._under_way = None
            while not self._stopping:
                block = self._gather(client)
                self._settle(client)
                self._refresh(client, block)
                if block.message_count:
                    self._under_way = inserter.submit(self._deliver, connection, block)
            self._settle(client)

    def _settle(self, client: Consumer) -> None:
        """Wait for the insert that is under way, if any, and commit what it delivered."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            self._assignment.delivered(under_way.result())
            self._commit(client)

    def _client_options(self) -> dict[str, object]:
        settings = self._settings
        return {
            **CLIENT_OPTIONS,
            "bootstrap.servers": settings.broker_list,
            "group.id": settings.group_name,
            "client.id": client_id(self._table, settings),
            "error_cb": self._client_error,
            **dict(settings.security),
        }

    def _client_error(self, error: KafkaError) -> None:
        self._assignment.unsettle()
        self._stats.failed(f"{error.name()}: {error.str()}", kind=error.name())

    def _refresh(self, client: Consumer, block: Block) -> None:
        """Look at the broker, if it is time. Only between inserts: a commit after a restart would undo it."""
        if not self._assignment.is_due:
            return
        try:
            self._assignment.refresh()
        except KafkaException as error:
            failure = error.args[0]
            self._stats.failed(f"{failure.name()}: {failure.str()}", kind=failure.name())
        self._forget_void(block)
        self._commit(client)

    def _forget_void(self, block: Block) -> None:
        """Keep the messages of partitions that are read anew; their offsets belong to a log that is gone."""
        for partition in self._assignment.take_void():
            block.next_offsets.pop(partition, None)

    def _gather(self, client: Consumer) -> Block:
        """Messages until the block is full, or the flush interval is over.

        That begins when the insert before has returned: small inserts cost nearly as much as large ones, and one
        after the other without a pause would keep a core busy at any rate.
        """
        settings = self._settings
        block = Block()
        flush_s = settings.flush_interval_ms / 1000
        deadline = time.monotonic() + flush_s
        while block.message_count < settings.max_block_size and not self._stopping:
            if self._under_way is not None and self._under_way.done():
                self._settle(client)
            if self._under_way is None:
                self._refresh(client, block)
            else:
                deadline = time.monotonic() + flush_s
            left_s = max(deadline - time.monotonic(), 0)
            room = settings.max_block_size - block.message_count
            wanted = min(settings.poll_max_batch_size, room, _LOT_MESSAGES)
            slice_s = _POLL_SLICE_S if self._under_way is None else _POLL_SLICE_INSERTING_S
            polled = client.consume(wanted, min(left_s, settings.poll_timeout_ms / 1000, slice_s))
            self._sort(client, polled, block)
            if left_s == 0:
                break
        self._assignment.advance(block.next_offsets)
        return block

    def _sort(self, client: Consumer, polled: list[Message], block: Block) -> None:
        """Messages into the block; errors into the statistics, after what was read before them."""
        events = [(each, each.error()) for each in polled] if any(map(Message.error, polled)) else []
        messages = [message for message, error in events if error is None] if events else polled
        self._stats.polled(len(messages))
        if messages:
            block.add(messages)
        for event, error in events:
            if error is None:
                continue
            if error.code() == KafkaError._AUTO_OFFSET_RESET:
                self._restart(client, (str(event.topic()), int(event.partition() or 0)), error.str(), block)
            else:
                self._stats.failed(f"{event.topic()} [{event.partition()}]: {error.str()}", kind=error.name())

    def _restart(self, client: Consumer, partition: Partition, reason: str, block: Block) -> None:
        self._settle(client)
        self._assignment.restart(partition, reason)
        self._forget_void(block)

    def _deliver(self, connection: EngineConnection, block: Block) -> dict[Partition, int]:
        """Insert until it succeeds. The offsets to commit; none if the consumer was stopped first: the block
        comes again later.
        """
        wait_s = max(self._settings.consumer_reschedule_ms / 1000, _RETRY_MIN_S)
        while not self._stopping:
            try:
                with self._gate.insert(lambda: self._stopping) as passed:
                    if passed:
                        insert(connection, self._table, self._definition, block)
                        return block.next_offsets
            except Exception as error:  # noqa: BLE001  (a view may fail in any way; its block waits for the cure)
                self._stall(error, wait_s)
                wait_s = min(wait_s * 2, _RETRY_MAX_S)
        return {}

    def _commit(self, client: Consumer) -> None:
        """What was delivered and is not committed yet. After a failure it is tried again at the next look at the
        broker, which is at once: on a quiet topic no later commit would cover it.
        """
        next_offsets = self._assignment.uncommitted
        if not next_offsets:
            return
        offsets = [TopicPartition(*partition, offset) for partition, offset in next_offsets.items()]
        try:
            answers = client.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            failed = [str(error.args[0].str())]
        else:
            failed = [f"{each.topic} [{each.partition}]: {each.error.str()}" for each in answers if each.error]
        if failed:
            self._stats.failed(f"commit: {'; '.join(failed)}; it is tried again", kind="commit")
            self._assignment.unsettle()
        else:
            self._stats.committed()
            self._assignment.committed(next_offsets)

    def _stall(self, error: Exception, wait_s: float) -> None:
        self._stats.failed(f"{self._table.quoted}: {error}")
        self._wake.wait(wait_s)
        if not self._stopping:
            self._wake.clear()


def client_id(name: TableName, settings: KafkaSettings) -> str:
    return settings.client_id or f"k2-warehouse-{name.database}-{name.table}"
