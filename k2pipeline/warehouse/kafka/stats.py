"""What one consumer did: the numbers of system.kafka_consumers. Written by its thread, read by any."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from k2pipeline.warehouse.kafka.block import Partition

LOG = logging.getLogger("k2.warehouse.kafka")

# As many as ClickHouse keeps.
_KEPT_EXCEPTIONS = 10
# The client reports a lost connection at every attempt; once in a while is enough to read.
_REPEAT_AFTER_S = 10.0


@dataclass(frozen=True)
class ConsumerState:
    """One row of system.kafka_consumers; times are seconds since 1970, 0 for never."""

    consumer_id: str
    next_offsets: Mapping[Partition, int] = field(default_factory=dict)
    exceptions: tuple[tuple[float, str], ...] = ()
    last_poll_s: float = 0
    messages_read: int = 0
    last_commit_s: float = 0
    commits: int = 0
    last_rebalance_s: float = 0
    revocations: int = 0
    assignments: int = 0
    in_use: bool = False
    last_used_s: float = 0


class ConsumerStats:
    def __init__(self, consumer_id: str) -> None:
        self._lock = threading.Lock()
        self._state = ConsumerState(consumer_id)
        self._exceptions: deque[tuple[float, str]] = deque(maxlen=_KEPT_EXCEPTIONS)
        self._last_reported: dict[str, float] = {}

    def snapshot(self) -> ConsumerState:
        with self._lock:
            return replace(self._state, exceptions=tuple(self._exceptions))

    def started(self) -> None:
        self._set(in_use=True, last_used_s=time.time())

    def stopped(self) -> None:
        self._set(in_use=False, last_used_s=time.time())

    def polled(self, message_count: int) -> None:
        with self._lock:
            read = self._state.messages_read + message_count
            self._state = replace(self._state, messages_read=read, last_poll_s=time.time())

    def moved(self, next_offsets: Mapping[Partition, int]) -> None:
        """Replace the assignment: the next offset of every partition, -1001 where it is not known yet."""
        self._set(next_offsets=dict(next_offsets))

    def rebalanced(self, assigned: int, revoked: int) -> None:
        with self._lock:
            self._state = replace(
                self._state,
                last_rebalance_s=time.time(),
                assignments=self._state.assignments + bool(assigned),
                revocations=self._state.revocations + bool(revoked),
            )

    def committed(self) -> None:
        with self._lock:
            commits = self._state.commits + 1
            self._state = replace(self._state, commits=commits, last_commit_s=time.time())

    def failed(self, text: str, kind: str = "") -> None:
        """Keep and log an exception; one with the same `kind` not again for a while."""
        now = time.time()
        with self._lock:
            if kind and now - self._last_reported.get(kind, 0) < _REPEAT_AFTER_S:
                return
            self._last_reported[kind] = now
            self._exceptions.append((now, text))
        LOG.warning("%s: %s", self._state.consumer_id, text)

    def _set(self, **changes: object) -> None:
        with self._lock:
            self._state = replace(self._state, **changes)  # type: ignore[arg-type]
