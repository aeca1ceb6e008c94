"""Apache Kafka as one process: KRaft, broker and controller in one, small, and durable against kill -9."""

from __future__ import annotations

import base64
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from k2pipeline.stack import broker
from k2pipeline.stack.base import StackError
from k2pipeline.stack.broker import LocalBroker
from k2pipeline.stack.guard import Guard
from k2pipeline.stack.kafka.jars import jars, java

_FORMAT_LIMIT_S = 120.0
_LARGEST_MESSAGE_BYTES = 32 * 1024 * 1024
_FOR_EVER = 2**63 - 1

# A heap for one node on a machine that also runs everything else; the first compiler stage is enough for it, and
# it starts sooner.
_JVM = (
    *("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"),
    *("-Djava.awt.headless=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"),
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)


@dataclass(frozen=True)
class SecureListener:
    """A second way in, by SASL_SSL and PLAIN, for one user. certificate: PEM with its key (PKCS 8) and its chain.

    Kafka wants the password in its configuration, which lies in the broker's data and is its owner's alone to read.
    """

    certificate: Path
    user: str
    password: str = field(repr=False)
    port: int = field(default_factory=broker.free_port)

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def settings(self) -> Mapping[str, object]:
        login = "org.apache.kafka.common.security.plain.PlainLoginModule"
        return {
            "listener.name.secure.ssl.keystore.type": "PEM",
            "listener.name.secure.ssl.keystore.location": self.certificate,
            "listener.name.secure.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.secure.plain.sasl.jaas.config": f'{login} required user_{self.user}="{self.password}";',
        }


class KafkaBroker(LocalBroker):
    """Keeps its topics in `data`, from one start to the next. secure: a listener beside the one in plain text."""

    port_taken = "Address already in use"
    ready_limit_s = 90.0

    def __init__(self, logs: Path, guard: Guard, data: Path, secure: SecureListener | None = None) -> None:
        super().__init__(logs, guard)
        self._data = data
        self._secure = secure

    def prepare(self) -> tuple[str, Sequence[str]]:
        machine = [java(), *_JVM, "-cp", f"{jars()}/*"]
        self._data.mkdir(parents=True, exist_ok=True)
        config = self._data / "server.properties"
        config.touch(mode=0o600)
        config.write_text("".join(f"{name}={value}\n" for name, value in self._settings().items()))
        if not self._is_formatted:
            _format(machine, config)
        return self._cluster_id(), [*machine, "kafka.Kafka", str(config)]

    def _settings(self) -> Mapping[str, object]:
        """Source: https://kafka.apache.org/documentation/#brokerconfigs (4.3)."""
        secure = self._secure
        ours = f"PLAINTEXT://{self.bootstrap}" + (f",SECURE://{secure.bootstrap}" if secure else "")
        controller = f"127.0.0.1:{broker.free_port()}"  # nobody but the broker asks it, so it may be another each time
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"{ours},CONTROLLER://{controller}",
            "advertised.listeners": ours,
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT",
            "log.dirs": self._data / "logs",
            "auto.create.topics.enable": "false",
            "message.max.bytes": _LARGEST_MESSAGE_BYTES,
            # Captures are played with their own times, and faults make absurd ones: no message may be refused or
            # deleted for its time, nor begin a new file for it.
            "log.message.timestamp.after.max.ms": _FOR_EVER,
            "log.retention.ms": -1,
            "log.roll.ms": _FOR_EVER,
            # One replica of everything: there is one node.
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "share.coordinator.state.topic.num.partitions": 1,
            "group.initial.rebalance.delay.ms": 0,
            # A killed broker is let in again when the session of its former life is over, so that has to be short.
            "broker.session.timeout.ms": 2_000,
            "broker.heartbeat.interval.ms": 400,
            "num.network.threads": 2,
            "num.io.threads": 2,
            "background.threads": 2,
            "num.recovery.threads.per.data.dir": 1,
            "log.cleaner.dedupe.buffer.size": 2 * 1024 * 1024,
            **(secure.settings() if secure else {}),
        }

    @property
    def _is_formatted(self) -> bool:
        return self._identity.is_file()

    @property
    def _identity(self) -> Path:
        return self._data / "logs" / "meta.properties"

    def _cluster_id(self) -> str:
        lines = self._identity.read_text().splitlines()
        return next(line.partition("=")[2] for line in lines if line.startswith("cluster.id="))


def _format(machine: Sequence[str], config: Path) -> None:
    # Kafka's own ids are 16 bytes in this alphabet; one that begins with a dash would be taken for a flag.
    cluster = "K" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
    command = [*machine, "kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--config", str(config)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_FORMAT_LIMIT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise StackError(f"Kafka did not format its directory within {_FORMAT_LIMIT_S:g} s: {command}") from error
    if done.returncode != 0:
        raise StackError(f"Kafka could not format {config.parent}:\n{(done.stdout + done.stderr).strip()}")
