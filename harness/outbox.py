"""From ledger row to broker and back: produces messages and writes down where each of them landed."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Self

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from harness.clock import Clock
from harness.ledger import Entry, Group, Ledger
from k2pipeline.broker_security import broker_settings
from k2pipeline.exchanges import DLQ_TOPIC

# A broker that lists every batch on each fetch (Tansu does) drowns in batches of one message.
LINGER_MS: Final = 20
# Idempotence: a retry that stored a message twice would put an offset into the topic that no row knows.
PRODUCER_DEFAULTS: Final[Mapping[str, str | int | bool]] = MappingProxyType(
    {
        "acks": "all",
        "enable.idempotence": True,
        "linger.ms": LINGER_MS,
        "queue.buffering.max.messages": 100_000,
        "queue.buffering.max.kbytes": 256 * 1024,
        "message.max.bytes": 32 * 1024 * 1024,
        "message.timeout.ms": 30_000,
    }
)
_CONNECT_S: Final = 15
_POLL_EVERY: Final = 128
_POLL_EVERY_BYTES: Final = 4 * 1024 * 1024
# What may wait in the ledger for a partition that does not answer; more of either is waited for.
WAITING_ROWS: Final = 400_000
WAITING_BYTES: Final = 256 * 1024 * 1024
_SLEEP_BELOW_NS: Final = 2_000_000
_SLICE_S: Final = 0.1
_log = logging.getLogger(__name__)


Acknowledged = Callable[[Entry, int], None]
"""Told of each message the broker has stored: its entry, and when (ns since 1970)."""


class ReplayError(Exception):
    """A replay that could not be carried through."""


class _Receipt(msgspec.Struct, gc=False):
    """A delivery callback; unlike partials, a hundred thousand of them do not slow the garbage collector."""

    deliver: Callable[[Group, int, KafkaError | None, Message], None]
    group: Group
    position: int

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        self.deliver(self.group, self.position, error, message)


class Outbox:
    """Sends ledger entries in order, one Kafka message each, and acknowledges their rows.

    The message: value = the frame's bytes, key = symbol, timestamp = recv_ns in ms, headers `recv_ns` and
    `conn`, and `exchange` on the dead-letter topic. A full queue is waited for; nothing is ever dropped.
    """

    def __init__(
        self,
        bootstrap: str,
        config: Mapping[str, str | int | bool],
        ledger: Ledger,
        clock: Clock,
        conn: str,
        acknowledged: Acknowledged | None = None,
    ) -> None:
        self._acknowledged = acknowledged
        self._bootstrap = bootstrap
        self._settings = {**PRODUCER_DEFAULTS, **config, **broker_settings(bootstrap)}
        self._ledger = ledger
        self._clock = clock
        self._conn = ("conn", conn)
        self._failure: ReplayError | None = None
        self._has_producer_id = False
        self._sends = self._bytes = 0

    def __enter__(self) -> Self:
        settings = {**self._settings, "statistics.interval.ms": 100, "stats_cb": self._read_statistics}
        self._producer = Producer(settings, logger=_log)
        try:
            self._topics = self._existing_topics()
            if self._settings["enable.idempotence"] is True:
                self._await_producer_id()
        except ReplayError:
            self._producer.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._producer.purge()  # after flush there is nothing left; after an error nobody waits for it
        self._producer.close()

    def note(self, entry: Entry) -> None:
        """Write down a frame that is not sent."""
        self._ledger.row(entry, None)

    def send(self, entry: Entry) -> int:
        """Hand one message to the producer; gives the time of it in ns since 1970."""
        if entry.topic not in self._topics:
            raise ReplayError(f"topic {entry.topic} does not exist; create it before replaying into it")
        headers: list[tuple[str, str | bytes | None]] = [("recv_ns", str(entry.recv_ns)), self._conn]
        if entry.topic == DLQ_TOPIC:
            headers.append(("exchange", entry.exchange))
        sent_ns = self._clock()
        group, position = self._ledger.row(entry, sent_ns)
        while True:
            try:
                self._producer.produce(
                    entry.topic,
                    entry.frame,
                    entry.symbol.encode(),
                    timestamp=entry.recv_ns // 1_000_000 or 1,  # 0 would be taken for now
                    headers=headers,
                    on_delivery=_Receipt(self._delivered, group, position),
                )
                break
            except BufferError:
                self._poll(_SLICE_S)
                group.sent_ns[position] = sent_ns = self._clock()
            except KafkaException as error:
                raise _refused(entry, error.args[0].str()) from error
        self._sends += 1
        self._bytes += len(entry.frame)
        if self._sends % _POLL_EVERY == 0 or self._bytes > _POLL_EVERY_BYTES:
            self._bytes = 0
            self._catch_up()
        return sent_ns

    def wait_until(self, due_ns: int, is_stopped: Callable[[], bool]) -> None:
        """Serve acknowledgements until `due_ns` (ns since 1970), or until stopped."""
        while (left_ns := due_ns - self._clock()) > 0 and not is_stopped():
            if left_ns < _SLEEP_BELOW_NS:  # poll counts in ms, which is too coarse for the last of the wait
                self._poll(0)
                time.sleep(max(due_ns - self._clock(), 0) / 1_000_000_000)
            else:
                self._poll(min((left_ns - _SLEEP_BELOW_NS // 2) / 1_000_000_000, _SLICE_S))

    def flush(self, timeout_s: float) -> None:
        """Wait until everything is acknowledged; raises ReplayError if it is not in time."""
        deadline_ns = self._clock() + int(timeout_s * 1_000_000_000)
        while len(self._producer) and self._clock() < deadline_ns:
            self._producer.flush(_SLICE_S)
            self._raise_failure()
        self._raise_failure()
        open_rows = list(self._ledger.unsettled())
        if open_rows:
            seq, entry = open_rows[0]
            raise ReplayError(
                f"{len(open_rows):,} frames not acknowledged within {timeout_s:g} s, the first seq {seq} "
                f"({_called(entry)}); see whether the broker is alive, or give it more time"
            )

    def _catch_up(self) -> None:
        self._poll(0)
        # A partition that does not answer holds back the rows of all others; they must not fill the memory.
        while self._ledger.waiting_rows > WAITING_ROWS or self._ledger.waiting_bytes > WAITING_BYTES:
            self._poll(_SLICE_S)
            self._ledger.write_settled()

    def _poll(self, seconds: float) -> None:
        self._producer.poll(seconds)
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _delivered(self, group: Group, position: int, error: KafkaError | None, message: Message) -> None:
        partition, offset = message.partition(), message.offset()
        if error is None and partition is not None and offset is not None and offset >= 0:
            acked_ns = self._clock()
            group.acknowledge(position, partition, offset, acked_ns)
            if self._acknowledged is not None:
                self._acknowledged(group.entries[position], acked_ns)
        elif self._failure is None:
            reason = "the broker gave no offset, as with acks=0" if error is None else error.str()
            self._failure = _refused(group.entries[position], reason)

    def _read_statistics(self, statistics: str) -> None:
        if not self._has_producer_id:
            self._has_producer_id = json.loads(statistics).get("eos", {}).get("idemp_state") == "Assigned"

    def _await_producer_id(self) -> None:
        # Its first request is tried again only after half a second, in which no message would leave.
        deadline_ns = self._clock() + _CONNECT_S * 1_000_000_000
        while not self._has_producer_id:
            if self._clock() > deadline_ns:
                raise ReplayError(
                    f"the broker at {self._bootstrap} gives no producer id; see its log, or replay with "
                    "producer_config enable.idempotence = False"
                )
            self._poll(_SLICE_S)

    def _existing_topics(self) -> frozenset[str]:
        try:
            return frozenset(self._producer.list_topics(timeout=_CONNECT_S).topics)
        except KafkaException as error:
            reason = error.args[0].str()
            raise ReplayError(
                f"no broker answers at {self._bootstrap} ({reason}); start it, or correct the address"
            ) from error


def _called(entry: Entry) -> str:
    return f"{entry.exchange} {entry.symbol or 'without symbol'}, recv_ns {entry.recv_ns}"


def _refused(entry: Entry, reason: str) -> ReplayError:
    return ReplayError(
        f"frame not delivered to {entry.topic} ({_called(entry)}, {len(entry.frame):,} bytes): {reason}; "
        "the ledger has those that were"
    )
