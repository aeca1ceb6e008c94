"""To the broker: every message once, in order, and none dropped."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from k2pipeline.broker_security import broker_settings
from k2pipeline.feed.limits import Limits
from k2pipeline.feed.logs import EventLog
from k2pipeline.feed.stats import Stats

Headers = list[tuple[str, str | bytes | None]]
Setting = str | int | float | bool

# Idempotence: a retry stores no message twice, and keeps their order.
# Linger: a broker that lists every batch on each fetch (Tansu does) drowns in batches of one message.
# No timeout of a message: a broker that is away is waited for, and meanwhile the sockets are not read.
PRODUCER_DEFAULTS: Final[Mapping[str, Setting]] = MappingProxyType(
    {
        "acks": "all",
        "enable.idempotence": True,
        "linger.ms": 10,
        "message.max.bytes": 32 * 1024 * 1024,
        "message.timeout.ms": 0,
        "reconnect.backoff.max.ms": 1_000,
    }
)
_GIVEN_UP_BY_US: Final = (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT)
_CONNECT_S: Final = 15
_SLICE_S: Final = 0.2
# So many in so short a time are never the doing of a broker that is merely slow, restarted or failing over.
_EPOCHS: Final = 20
_EPOCHS_S: Final = 10.0
_LAST_WORDS_S: Final = 2.0
_log = EventLog("k2.feed.outlet")


class _Idempotence(msgspec.Struct):
    idemp_state: str = ""
    producer_epoch: int = -1


class _Statistics(msgspec.Struct):
    """The part that is read of librdkafka's STATISTICS.md."""

    eos: _Idempotence = msgspec.field(default_factory=_Idempotence)


_decode_statistics = msgspec.json.Decoder(_Statistics).decode


class OutletError(Exception):
    """The broker cannot be used, or will not take what it was given; the message says the next step."""


class Outlet:
    """A producer, and what did not fit into its queue.

    `send` never waits and never refuses: what it cannot hand over is kept, in order, and `is_full` says that
    nothing more should be read until `serve` has emptied it. `failure` is set when a message will never
    arrive; it is for the owner to stop then. Only a message that is too large for the broker is given up,
    with an error in the log: trying again would not help, and all others can still be saved. `given_up` counts
    them, and they are lost.
    """

    def __init__(self, bootstrap: str, limits: Limits, stats: Stats, settings: Mapping[str, Setting]) -> None:
        self._bootstrap = bootstrap
        self._limits = limits
        self._stats = stats
        self._kept: deque[tuple[str, bytes, bytes, int, Headers]] = deque()
        self._epochs: deque[float] = deque(maxlen=_EPOCHS)
        self._epoch = -1
        self.failure: OutletError | None = None
        self.given_up = 0
        self._settings: dict[str, object] = {
            **PRODUCER_DEFAULTS,
            "queue.buffering.max.messages": 2 * limits.queue_high_messages,
            "queue.buffering.max.kbytes": max(1, limits.queue_bytes // 1024),
            **settings,
            **broker_settings(bootstrap),
            "statistics.interval.ms": 100,
            "stats_cb": self._read_statistics,
            "on_delivery": self._delivered,
            "delivery.report.only.error": True,
        }

    def open(self, topics: Sequence[str], is_stopped: Callable[[], bool] = lambda: False) -> None:
        """Reach the broker. Raises OutletError if it does not answer, or lacks one of the topics."""
        try:
            self._producer = Producer(self._settings, logger=logging.getLogger("librdkafka"))
        except (KafkaException, ValueError, TypeError) as error:
            raise OutletError(f"the producer's settings do not work: {error}; see [producer]") from error
        self._produce = self._producer.produce
        missing = sorted(set(topics) - self._existing_topics(is_stopped))
        if missing and not is_stopped():
            raise OutletError(
                f"{self._bootstrap} has no topic {', '.join(missing)}; `k2 up` creates them, or create them by hand"
            )
        self._await_producer_id(is_stopped)

    def send(self, topic: str, frame: bytes, key: bytes, timestamp_ms: int, headers: Headers) -> None:
        """One message: now, or when there is room."""
        if self._kept:
            self._kept.append((topic, frame, key, timestamp_ms, headers))
            return
        try:
            self._produce(topic, frame, key, timestamp=timestamp_ms, headers=headers)
        except BufferError:
            self._kept.append((topic, frame, key, timestamp_ms, headers))
        except KafkaException as error:
            self._refused(error.args[0], topic, frame)

    @property
    def is_full(self) -> bool:
        return bool(self._kept) or len(self._producer) > self._limits.queue_high_messages

    @property
    def has_room(self) -> bool:
        """True once enough has left for reading to be worth it."""
        return not self._kept and len(self._producer) <= self._limits.queue_low_messages

    @property
    def queue_messages(self) -> int:
        """Messages that the broker has not acknowledged yet."""
        return len(self._producer) + len(self._kept)

    def serve(self) -> None:
        """To be called often: takes the broker's answers, and hands over what was kept."""
        self._producer.poll(0)
        while self._kept:
            topic, frame, key, timestamp_ms, headers = self._kept[0]
            try:
                self._produce(topic, frame, key, timestamp=timestamp_ms, headers=headers)
            except BufferError:
                return
            except KafkaException as error:
                self._refused(error.args[0], topic, frame)
            self._kept.popleft()

    def close(self, flush_s: float, is_impatient: Callable[[], bool] = lambda: False) -> int:
        """Wait until the broker has everything; gives how many messages it has not after `flush_s`.

        After a failure, which may be of one message alone, only what goes at once is waited for.
        """
        deadline = time.monotonic() + (flush_s if self.failure is None else min(flush_s, _LAST_WORDS_S))
        while self.queue_messages and time.monotonic() < deadline and not is_impatient():
            self.serve()
            self._producer.flush(_SLICE_S)
        left = self.queue_messages
        self._producer.purge()
        self._producer.close()
        return left

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and error.code() not in _GIVEN_UP_BY_US:
            self._refused(error, message.topic() or "", message.value() or b"")

    def _refused(self, error: KafkaError, topic: str, frame: bytes) -> None:
        self._stats.send_failures[error.name()] += 1
        about = {"topic": topic, "reason": error.str(), "frame_bytes": len(frame), "frame": repr(frame[:200])}
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            self.given_up += 1
            _log.error("frame too large for the broker, given up; raise max.message.bytes of the topic", **about)
            return
        _log.error("message not delivered", **about)
        self.failure = self.failure or OutletError(f"the broker at {self._bootstrap} refused a message: {error.str()}")

    def _read_statistics(self, statistics: str) -> None:
        """A producer id has epochs; librdkafka begins another one when the broker does not know it any more."""
        producer = _decode_statistics(statistics).eos
        if producer.idemp_state != "Assigned" or producer.producer_epoch == self._epoch:
            return
        self._epoch = producer.producer_epoch
        now_s = time.monotonic()
        if len(self._epochs) == _EPOCHS and now_s - self._epochs[0] < _EPOCHS_S:
            self.failure = self.failure or OutletError(
                f"the broker at {self._bootstrap} has forgotten this producer and takes nothing from it, as one does "
                "that was restarted without its data; start the feed handler again"
            )
        self._epochs.append(now_s)

    def _existing_topics(self, is_stopped: Callable[[], bool]) -> frozenset[str]:
        # All topics are listed, because some brokers create one that is asked for by name.
        deadline = time.monotonic() + _CONNECT_S
        while True:
            try:
                return frozenset(self._producer.list_topics(timeout=1).topics)
            except KafkaException as error:
                self._producer.poll(0)  # so that its log says why, such as a password that was refused
                if is_stopped():
                    return frozenset()
                if time.monotonic() > deadline:
                    raise OutletError(
                        f"no broker answers at {self._bootstrap} ({error.args[0].str()}); "
                        "start it, or correct --bootstrap"
                    ) from error

    def _await_producer_id(self, is_stopped: Callable[[], bool]) -> None:
        # Its first request is tried again only after half a second, in which no message would leave.
        if self._settings["enable.idempotence"] is not True:
            return
        deadline = time.monotonic() + _CONNECT_S
        while self._epoch < 0 and not is_stopped():
            if time.monotonic() > deadline:
                raise OutletError(f"the broker at {self._bootstrap} gives no producer id; see its log")
            self._producer.poll(_SLICE_S)
