"""Redpanda and a ClickHouse server, each in a container that testcontainers starts and its reaper removes.

The two share a network. Redpanda has two listeners: one named inside that network, for ClickHouse's own Kafka engine,
and one on a port of 127.0.0.1, for us. Ports are chosen here: the engine would give others after a restart.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from k2pipeline.stack.base import StackError, WarehouseAddress
from k2pipeline.stack.broker import free_port
from k2pipeline.stack.topics import create_topics, topic_partitions

REDPANDA: Final = "redpandadata/redpanda:v25.1.2"
CLICKHOUSE: Final = "clickhouse/clickhouse-server:26.8"
BROKER_NAME: Final = "k2-redpanda"
_INSIDE, _OUTSIDE, _HTTP = 29092, 9092, 8123
_READY_LIMIT_S: Final = 120.0
_POLL_S: Final = 0.1
_ENGINE_S: Final = 10
_DEFAULT_ENGINE: Final = "unix:///var/run/docker.sock"
_LAST_LINES: Final = 15
_HOST: Final = "127.0.0.1"


def start(*, workdir: Path) -> DockerStack:
    """Start both; both answer when this returns. Nothing is written to `workdir`: data lives in the containers.

    Raises StackError where testcontainers is not installed or no Docker engine answers.
    """
    del workdir
    require_engine()
    with ExitStack() as undo:
        stack = DockerStack()
        undo.callback(stack.stop)
        stack.start()
        undo.pop_all()
    return stack


def require_engine() -> None:
    """StackError with the next step where containers cannot be started."""
    try:
        import docker  # type: ignore[import-untyped]
        from docker.constants import DEFAULT_DOCKER_API_VERSION  # type: ignore[import-untyped]
        from docker.errors import DockerException  # type: ignore[import-untyped]
    except ImportError as error:
        raise StackError(f"the docker stack needs testcontainers ({error}); run: pip install testcontainers") from error
    try:
        _require_listener(os.environ.get("DOCKER_HOST") or _DEFAULT_ENGINE)
        client = docker.from_env(version=DEFAULT_DOCKER_API_VERSION, timeout=_ENGINE_S)
        try:
            client.ping()
        finally:
            client.close()
    except (DockerException, OSError) as error:  # requests' errors are OSErrors
        raise StackError(
            f"no Docker engine answers ({error}); start it, or set DOCKER_HOST, or take --stack embedded"
        ) from error


def _require_listener(engine: str) -> None:
    """OSError where nobody listens: docker's own client would leave its socket open then."""
    parts = urlsplit(engine)
    if parts.scheme == "unix":
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(parts.path)
    elif parts.scheme == "tcp" and parts.port:
        socket.create_connection((parts.hostname or _HOST, parts.port), timeout=_ENGINE_S).close()


class DockerStack:
    """See Stack in base.py. Parts are signalled by the engine, so a container is killed as a machine would be."""

    def __init__(self) -> None:
        self._password = secrets.token_urlsafe(24)
        self._ports = {"broker": free_port(), "warehouse": free_port()}
        self._undo = ExitStack()
        self._containers: dict[str, Any] = {}
        self._killed: set[str] = set()

    @property
    def bootstrap(self) -> str:
        return f"{_HOST}:{self._ports['broker']}"

    @property
    def warehouse_bootstrap(self) -> str:
        return f"{BROKER_NAME}:{_INSIDE}"

    @property
    def warehouse(self) -> WarehouseAddress:
        return WarehouseAddress(host=_HOST, port=self._ports["warehouse"], user="k2", password=self._password)

    @property
    def processes(self) -> Mapping[str, int]:
        """Empty: a container's process ids are those of the engine's machine, which may be a virtual one."""
        return {}

    def start(self) -> None:
        from testcontainers.core.network import Network

        network = self._undo.enter_context(Network())
        self._containers = {
            "broker": redpanda(self._ports["broker"]).with_network(network).with_network_aliases(BROKER_NAME),
            "warehouse": clickhouse(self._ports["warehouse"], self._password).with_network(network),
        }
        for name, container in self._containers.items():
            try:
                self._undo.enter_context(container)
            except Exception as error:  # the engine's, the registry's and testcontainers' own have no common base
                raise StackError(f"the container of the {name} did not start: {error}") from error
        self._await_answer("broker")
        self._await_answer("warehouse")

    def create_topics(self, names: Iterable[str], partitions: int) -> None:
        create_topics(self.bootstrap, names, partitions)

    def kill(self, name: str) -> None:
        container = self._container(name)
        if container.status == "paused":
            container.unpause()
        if self._is_running(name):
            container.kill("SIGKILL")
            container.wait()
        self._killed.add(name)

    def restart(self, name: str) -> None:
        self.kill(name)
        self._container(name).start()
        self._await_answer(name)
        self._killed.discard(name)

    def pause(self, name: str) -> None:
        """Freezes every process of the container, which is what SIGSTOP does to one."""
        self._container(name).pause()

    def resume(self, name: str) -> None:
        self._container(name).unpause()

    def require_alive(self) -> None:
        for name in self._containers.keys() - self._killed:
            if not self._is_running(name):
                raise StackError(f"the container of the {name} has ended; {self._last_words(name)}")

    def stop(self) -> None:
        self._undo.close()

    def _container(self, name: str) -> Any:
        """The engine's view of a part, as it is now."""
        if name not in self._containers:
            raise StackError(f"the docker stack has no part {name!r}; there are: {', '.join(sorted(self._containers))}")
        container = self._containers[name].get_wrapped_container()
        container.reload()
        return container

    def _is_running(self, name: str) -> bool:
        return self._container(name).status in ("running", "paused")

    def _await_answer(self, name: str) -> None:
        asks: dict[str, Callable[[], object]] = {
            "broker": lambda: topic_partitions(self.bootstrap),
            "warehouse": self._ask_warehouse,
        }
        deadline = time.monotonic() + _READY_LIMIT_S
        while True:
            try:
                asks[name]()
            except StackError as error:
                if time.monotonic() > deadline or not self._is_running(name):
                    raise StackError(f"{error}; {self._last_words(name)}") from error
            else:
                return
            time.sleep(_POLL_S)

    def _ask_warehouse(self) -> None:
        try:
            with self.warehouse.client(database="default", connect_timeout=5) as client:
                client.query("SELECT 1")
        except Exception as error:  # refused, reset, half an answer: it is starting
            raise StackError(f"no ClickHouse answers at {self.warehouse.url}: {error}") from error

    def _last_words(self, name: str) -> str:
        lines = self._container(name).logs(tail=_LAST_LINES).decode(errors="replace").splitlines()
        return "the last lines of its log:\n" + "\n".join(f"  {line}" for line in lines)


def redpanda(port: int) -> Any:
    """A broker that calls itself `k2-redpanda` inside its network and 127.0.0.1:`port` outside."""
    from testcontainers.community.kafka import RedpandaContainer

    class Broker(RedpandaContainer):
        """testcontainers' own advertises its inner listener as 127.0.0.1, which another container cannot reach."""

        def tc_start(self) -> None:
            script = "\n".join(
                [
                    "#!/bin/bash",
                    # Not --mode dev-container: it acknowledges what is not on the disk yet.
                    "exec /usr/bin/rpk redpanda start --smp 1 --memory 1G --reserve-memory 0M --overprovisioned \\",
                    "  --check=false --set redpanda.auto_create_topics_enabled=false \\",
                    "  --set redpanda.write_caching_default=false \\",
                    f"  --kafka-addr inside://0.0.0.0:{_INSIDE},outside://0.0.0.0:{_OUTSIDE} \\",
                    f"  --advertise-kafka-addr inside://{BROKER_NAME}:{_INSIDE},outside://{_HOST}:{port}",
                ]
            )
            self.create_file(script.encode(), RedpandaContainer.TC_START_SCRIPT)

        def start(self, timeout: float = _READY_LIMIT_S) -> Self:
            super().start(timeout)
            return self

    return _published(Broker(REDPANDA), _OUTSIDE, port)


def clickhouse(port: int, password: str) -> Any:
    """A server with the user k2, and no other."""
    from testcontainers.community.clickhouse import ClickHouseContainer

    container = ClickHouseContainer(CLICKHOUSE, username="k2", password=password, dbname="k2")
    return _published(container.with_env("TZ", "UTC"), _HTTP, port)


def _published(container: Any, inside: int, port: int) -> Any:
    """One port, on this machine only. testcontainers would publish all that it knows of, and on every address."""
    container.ports = {str(inside): (_HOST, port)}
    return container
