"""A broker and the embedded warehouse as two processes on loopback: what the embedded and the kafka stack share.

workdir/warehouse holds the warehouse's data, workdir/logs what both print.
"""

from __future__ import annotations

import json
import secrets
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from k2pipeline.stack.base import StackError, WarehouseAddress
from k2pipeline.stack.broker import LocalBroker
from k2pipeline.stack.guard import Guard
from k2pipeline.stack.process import ManagedProcess
from k2pipeline.stack.topics import create_topics

_READY_LIMIT_S = 60.0
_STOP_LIMIT_S = 10.0
_PASSWORD_VARIABLE = "K2_WAREHOUSE_PASSWORD"  # noqa: S105  (its name, not its value)

MakeBroker = Callable[[Path, Guard], LocalBroker]
"""Takes the directory for logs, and the guard that watches the process."""


def start_local(workdir: Path, make_broker: MakeBroker) -> LocalStack:
    """Start broker and warehouse side by side; both answer when this returns."""
    with ExitStack() as undo:
        stack = LocalStack(workdir, make_broker)
        undo.callback(stack.stop)
        stack.start()
        undo.pop_all()
    return stack


class LocalStack:
    """See Stack in base.py."""

    def __init__(self, workdir: Path, make_broker: MakeBroker) -> None:
        logs = workdir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self._data = workdir / "warehouse"
        self._guard = Guard()
        self._broker = make_broker(logs, self._guard)
        self._warehouse = ManagedProcess("warehouse", logs, self._guard)
        self._password = secrets.token_urlsafe(24)
        self._port = 0
        self._killed: set[str] = set()

    @property
    def bootstrap(self) -> str:
        return self._broker.bootstrap

    @property
    def warehouse_bootstrap(self) -> str:
        return self.bootstrap

    @property
    def warehouse(self) -> WarehouseAddress:
        return WarehouseAddress(host="127.0.0.1", port=self._port, password=self._password)

    @property
    def processes(self) -> Mapping[str, int]:
        running = {part.name: part.pid for part in (self._broker.process, self._warehouse)}
        return {name: pid for name, pid in running.items() if pid is not None}

    def start(self) -> None:
        self._launch_warehouse()
        self._broker.launch()
        self._broker.wait_ready(may_move=True)
        self._await_warehouse()

    def create_topics(self, names: Iterable[str], partitions: int) -> None:
        create_topics(self.bootstrap, names, partitions)

    def kill(self, name: str) -> None:
        part = self._part(name)
        self._killed.add(name)  # first: somebody may look after it meanwhile
        part.kill()

    def restart(self, name: str) -> None:
        self.kill(name)
        if name == "broker":
            self._broker.launch()
            self._broker.wait_ready(may_move=False)
        else:
            self._launch_warehouse()
            self._await_warehouse()
        self._killed.discard(name)

    def pause(self, name: str) -> None:
        self._part(name).pause()

    def resume(self, name: str) -> None:
        self._part(name).resume()

    def require_alive(self) -> None:
        for part in (self._broker.process, self._warehouse):
            if part.name not in self._killed:
                part.require_alive()

    def stop(self) -> None:
        # With open connections Tansu waits for ever after SIGTERM, and it has nothing to save; Kafka takes seconds,
        # and finds after a kill what it had acknowledged.
        try:
            self._warehouse.terminate(_STOP_LIMIT_S)
            self._broker.process.kill()
        finally:
            self._guard.close()

    def _part(self, name: str) -> ManagedProcess:
        parts = {part.name: part for part in (self._broker.process, self._warehouse)}
        if name not in parts:
            raise StackError(f"the stack has no part {name!r}; there are: {', '.join(sorted(parts))}")
        return parts[name]

    def _launch_warehouse(self) -> None:
        """On any free port the first time, and on the same one ever after."""
        if self._port:
            _wait_until_free(self._port)
        command = [
            sys.executable,
            "-m",
            "k2pipeline.warehouse",
            "--data",
            str(self._data),
            "--port",
            str(self._port),
        ]
        self._warehouse.start(command, {_PASSWORD_VARIABLE: self._password})

    def _await_warehouse(self) -> None:
        self._warehouse.wait_until(lambda: b"\n" in self._warehouse.output.read_bytes(), _READY_LIMIT_S)
        ready = self._warehouse.output.read_text().splitlines()[0]
        try:
            self._port = urlsplit(json.loads(ready)["url"]).port or 0
        except (ValueError, KeyError, TypeError) as error:
            raise StackError(f"the warehouse said {ready!r} where its ready line belongs") from error


def _wait_until_free(port: int, limit_s: float = 10.0) -> None:
    """A port that was just given up may be somebody's outgoing connection for a moment."""
    deadline = time.monotonic() + limit_s
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if time.monotonic() > deadline:
                    raise StackError(f"port {port} of the warehouse was taken by another process") from error
            else:
                return
        time.sleep(0.05)
