"""What a run's feed handlers put into the topics, read back by a plain consumer."""

from __future__ import annotations

import hashlib
import logging
import time
from array import array
from collections.abc import Callable, Mapping
from typing import Final

import polars as pl
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from harness.replay import ReplayError
from harness.settle import ends_now
from k2pipeline.broker_security import broker_settings
from k2pipeline.exchanges import DLQ_TOPIC, EXCHANGES, TOPICS

DIGEST_BYTES: Final = 16
_POLL_S: Final = 0.1
_REQUEST_S: Final = 15.0
_BATCH: Final = 10_000
_log = logging.getLogger("k2.readback")

Starts = Mapping[tuple[str, int], int]
"""(topic, partition) -> the first offset that can be of this run."""


class Messages:
    """What was read, a row each, in as few bytes as will do; and how many are not as agreed."""

    def __init__(self) -> None:
        self.topics: list[str] = []
        self.strange = 0
        self.strange_sample: list[dict[str, str]] = []
        self._topic, self._partition = array("b"), array("i")
        self._offset, self._recv_ns = array("q"), array("q")
        self._digests = bytearray()

    def __len__(self) -> int:
        return len(self._offset)

    def add(self, message: Message, *, is_strange: Callable[[Message, bytes, str], str]) -> None:
        """Take note of one message."""
        topic, frame = message.topic() or "", message.value() or b""
        headers = dict(message.headers() or ())
        exchange = _exchange_of(topic, headers)
        if topic not in self.topics:
            self.topics.append(topic)
        self._topic.append(self.topics.index(topic))
        self._partition.append(message.partition() or 0)
        self._offset.append(message.offset() or 0)
        self._recv_ns.append(_recv_ns(message, headers))
        self._digests += digest(exchange, topic, frame)
        wrong = is_strange(message, frame, exchange)
        if wrong:
            self.strange += 1
            if len(self.strange_sample) < 20:
                place = {"topic": topic, "partition": str(message.partition()), "offset": str(message.offset())}
                self.strange_sample.append({**place, "wrong": wrong})

    def frame(self) -> pl.DataFrame:
        """Columns digest, topic, partition, offset, recv_ns."""
        step = DIGEST_BYTES
        digests = [bytes(self._digests[at : at + step]) for at in range(0, len(self._digests), step)]
        names = pl.Series(self.topics, dtype=pl.String)
        return pl.DataFrame(
            {
                "digest": pl.Series(digests, dtype=pl.Binary),
                "topic": names.gather(pl.Series(self._topic, dtype=pl.UInt32)) if self.topics else names,
                "partition": pl.Series(self._partition, dtype=pl.Int32),
                "offset": pl.Series(self._offset, dtype=pl.Int64),
                "recv_ns": pl.Series(self._recv_ns, dtype=pl.Int64),
            }
        )


def digest(exchange: str, topic: str, frame: bytes) -> bytes:
    """What a frame of an exchange in a topic is matched by; equal bytes are interchangeable."""
    return hashlib.blake2b(f"{exchange} {topic} ".encode() + frame, digest_size=DIGEST_BYTES).digest()


class Readback:
    """A consumer that reads what came into the topics since it was made."""

    def __init__(self, bootstrap: str) -> None:
        self._consumer = Consumer(
            {
                **broker_settings(bootstrap),
                "group.id": "k2-harness-readback",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 100,
                "fetch.message.max.bytes": 32 * 1024 * 1024,
            },
            logger=_log,
        )
        self._starts = self._ends_now()
        self.messages = Messages()
        self._is_assigned = False

    def read(self, *, until: int, quiet_s: float, limit_s: float, told: Callable[[int], None]) -> None:
        """Read until there are `until` messages, or for `quiet_s` none has come any more, or `limit_s` are over."""
        if not self._is_assigned:
            self._consumer.assign([TopicPartition(*place, start) for place, start in self._starts.items()])
            self._is_assigned = True
        started = moved = time.monotonic()
        while len(self.messages) < until or quiet_s <= 0:
            batch = self._consumer.consume(_BATCH, _POLL_S)
            now = time.monotonic()
            for message in batch:
                error = message.error()
                if error is not None:
                    raise ReplayError(f"reading the topics back: {error.str()}")
                self.messages.add(message, is_strange=_strangeness)
            if batch:
                moved = now
                told(len(self.messages))
            if now - moved > quiet_s or now - started > limit_s:
                return

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def _ends_now(self) -> dict[tuple[str, int], int]:
        try:
            return ends_now(self._consumer, TOPICS)
        except KafkaException as error:
            raise ReplayError(f"the broker does not say what is in the topics: {error.args[0].str()}") from error


def _exchange_of(topic: str, headers: Mapping[str, str | bytes | None]) -> str:
    by_topic = {exchange.topic: name for name, exchange in EXCHANGES.items()}
    return by_topic.get(topic) or _text(headers.get("exchange"))


def _strangeness(message: Message, frame: bytes, exchange: str) -> str:
    """What is not as the handlers promise, '' if nothing: key, time and headers."""
    headers = dict(message.headers() or ())
    if exchange not in EXCHANGES:
        return f"header exchange = {exchange!r}"
    recv_ns, conn = _text(headers.get("recv_ns")), _text(headers.get("conn"))
    if not recv_ns.isdecimal() or not conn:
        return f"headers recv_ns = {recv_ns!r}, conn = {conn!r}"
    if message.timestamp()[1] != int(recv_ns) // 1_000_000:
        return f"timestamp {message.timestamp()[1]} ms beside recv_ns {recv_ns}"
    symbol = EXCHANGES[exchange].classify(frame).symbol
    key = message.key() or b""
    if key != symbol.encode():
        return f"key {key!r} beside symbol {symbol!r}"
    return ""


def _recv_ns(message: Message, headers: Mapping[str, str | bytes | None]) -> int:
    """As the pipeline takes it: the header, or the timestamp where it is missing or no integer."""
    text = _text(headers.get("recv_ns"))
    return int(text) if text.isdecimal() else message.timestamp()[1] * 1_000_000


def _text(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def topic_for(exchange: str, kind: str) -> str:
    """Where the handler of an exchange has to put a frame of this kind."""
    return EXCHANGES[exchange].topic if kind == "trade" else DLQ_TOPIC
