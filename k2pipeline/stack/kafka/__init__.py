"""The kafka stack: Apache Kafka (KRaft, one node) in place of the embedded broker; the warehouse is the embedded one.

It needs Java 17 and, for the first start, Maven. workdir/broker holds what Kafka keeps: what it has acknowledged is
still there after kill -9, because it is in the operating system's page cache by then. A crash of the machine can take
the last seconds along, as on every Kafka with one replica and its default flushing.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from k2pipeline.stack.kafka.broker import KafkaBroker, SecureListener
from k2pipeline.stack.kafka.jars import what_is_missing
from k2pipeline.stack.local import LocalStack, start_local

__all__ = ["KafkaBroker", "SecureListener", "start", "what_is_missing"]


def start(*, workdir: Path, secure: SecureListener | None = None) -> LocalStack:
    """Start broker and warehouse side by side; both answer when this returns. The warehouse reads in plain text.

    The first time on a machine Maven fetches Kafka, some 45 MB. StackError where Java or Maven is missing.
    """
    return start_local(workdir, partial(KafkaBroker, data=workdir / "broker", secure=secure))
