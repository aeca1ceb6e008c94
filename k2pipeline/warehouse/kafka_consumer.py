"""One consumer of a Kafka table: poll, gather a block, insert it, commit its offsets. At least once.

A block goes through all views in one insert, and its offsets are committed after that insert returned. A
block that cannot be inserted is held and tried again until it can or the consumer stops; nothing is skipped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from k2pipeline.warehouse.engine import EngineConnection, quoted
from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.kafka_assignment import Assignment
from k2pipeline.warehouse.kafka_block import Block
from k2pipeline.warehouse.kafka_ddl import KafkaTableDefinition
from k2pipeline.warehouse.kafka_gate import Gate
from k2pipeline.warehouse.kafka_settings import KafkaSettings
from k2pipeline.warehouse.kafka_stats import LOG, ConsumerStats

# A poll is cut into slices so that a DROP does not wait for a long kafka_poll_timeout_ms.
_POLL_SLICE_S = 0.1
# Messages are made columns in small lots: their objects die young, before Python's garbage collection walks
# through them. Lots of 65,000 halve the throughput.
_LOT_MESSAGES = 500
_RETRY_MIN_S, _RETRY_MAX_S = 0.1, 5.0

CLIENT_OPTIONS = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "allow.auto.create.topics": False,
    # Our own answer to an offset that is out of range is the start, with a warning (kafka_assignment.py).
    "auto.offset.reset": "error",
    # Every fetch makes Tansu list all batches of the partition: below 100 ms it would do nothing else.
    "fetch.wait.max.ms": 100,
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


@dataclass
class TableName:
    """Where the table is now. RENAME changes it, under the gate."""

    database: str
    table: str

    @property
    def quoted(self) -> str:
        return f"{quoted(self.database, '`')}.{quoted(self.table, '`')}"


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
        ):
            share = (self._index, self._settings.consumer_threads)
            self._assignment = Assignment(client, self._settings.topics, share, self._stats)
            while not self._stopping:
                self._refresh()
                block = self._gather(client)
                if block.message_count and self._deliver(connection, block):
                    self._commit(client, block)

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

    def _refresh(self) -> None:
        try:
            self._assignment.refresh()
        except KafkaException as error:
            failure = error.args[0]
            self._stats.failed(f"{failure.name()}: {failure.str()}", kind=failure.name())

    def _gather(self, client: Consumer) -> Block:
        """Messages until the block is full or the flush interval is over, whichever comes first."""
        settings = self._settings
        block = Block()
        deadline = time.monotonic() + settings.flush_interval_ms / 1000
        while block.message_count < settings.max_block_size and not self._stopping:
            left_s = max(deadline - time.monotonic(), 0)
            room = settings.max_block_size - block.message_count
            wanted = min(settings.poll_max_batch_size, room, _LOT_MESSAGES)
            polled = client.consume(wanted, min(left_s, settings.poll_timeout_ms / 1000, _POLL_SLICE_S))
            messages = self._without_errors(polled)
            self._stats.polled(len(messages))
            if messages:
                block.add(messages)
            if left_s == 0:
                break
        self._assignment.advance(block.next_offsets)
        return block

    def _without_errors(self, polled: list[Message]) -> list[Message]:
        if not any(map(Message.error, polled)):
            return polled
        for event in polled:
            error = event.error()
            if error is not None and error.code() == KafkaError._AUTO_OFFSET_RESET:
                self._assignment.restart((str(event.topic()), int(event.partition() or 0)), error.str())
            elif error is not None:
                self._stats.failed(f"{event.topic()} [{event.partition()}]: {error.str()}", kind=error.name())
        return [message for message in polled if message.error() is None]

    def _deliver(self, connection: EngineConnection, block: Block) -> bool:
        """Insert until it succeeds. False if the consumer was stopped first: the block comes again later."""
        wait_s = max(self._settings.consumer_reschedule_ms / 1000, _RETRY_MIN_S)
        while not self._stopping:
            try:
                with self._gate.insert(lambda: self._stopping) as passed:
                    if passed:
                        self._insert(connection, block)
                        return True
            except Exception as error:  # noqa: BLE001  (a view may fail in any way; its block waits for the cure)
                self._stall(error, wait_s)
                wait_s = min(wait_s * 2, _RETRY_MAX_S)
        return False

    def _insert(self, connection: EngineConnection, block: Block) -> None:
        self._require_view(connection)
        messages = block.table()
        if messages.num_rows:
            connection.raw.query(insert_statement(self._table, self._definition, messages.num_rows))

    def _require_view(self, connection: EngineConnection) -> None:
        """A Null table without a view would swallow the block, so ask before each insert too."""
        found = connection.execute(
            "SELECT count() FROM system.tables WHERE database = {database:String} AND name = {table:String} "
            "AND notEmpty(dependencies_table)",
            params={"database": self._table.database, "table": self._table.table},
        )
        if found.strip() != b"1":
            raise WarehouseError(
                60,
                "UNKNOWN_TABLE",
                f"no materialized view reads from {self._table.quoted}; its messages wait",
            )

    def _commit(self, client: Consumer, block: Block) -> None:
        offsets = [TopicPartition(*partition, offset) for partition, offset in block.next_offsets.items()]
        try:
            answers = client.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            self._stats.failed(f"commit: {error.args[0].str()}; the next commit covers it", kind="commit")
            return
        failed = [f"{each.topic} [{each.partition}]: {each.error.str()}" for each in answers if each.error]
        if failed:
            self._stats.failed(f"commit: {failed}; the next commit covers it", kind="commit")
        else:
            self._stats.committed()
            self._assignment.committed(block.next_offsets)

    def _stall(self, error: Exception, wait_s: float) -> None:
        self._stats.failed(f"{self._table.quoted}: {error}")
        self._wake.wait(wait_s)
        if not self._stopping:
            self._wake.clear()


def client_id(name: TableName, settings: KafkaSettings) -> str:
    return settings.client_id or f"k2-warehouse-{name.database}-{name.table}"


def insert_statement(name: TableName, definition: KafkaTableDefinition, row_count: int) -> str:
    """Insert the Arrow table that the calling frame names `messages`: one block, one step through views."""
    columns = "_topic, _key, _offset, _partition, _timestamp_ms, `_headers.name`, `_headers.value`"
    one_block = (
        f"max_block_size = {row_count}, max_insert_block_size = {row_count}, "
        f"min_insert_block_size_rows = {row_count}, min_insert_block_size_bytes = 0, "
        "max_threads = 1, max_insert_threads = 1"
    )
    return (
        f"INSERT INTO {name.quoted} ({quoted(definition.message_column, '`')}, _timestamp, {columns}) "
        f"SETTINGS insert_allow_materialized_columns = 1, insert_null_as_default = 0, {one_block} "
        f"SELECT message, _timestamp_ms, {columns} FROM Python(messages)"
    )
