"""A real warehouse process on a directory of its own, and plain HTTP to talk to it."""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlencode, urlsplit

PASSWORD = "a password with blanks & ü"  # noqa: S105  (of a warehouse that lives as long as a test)
COMMAND = (sys.executable, "-m", "k2pipeline.warehouse")


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def error_code(self) -> int | None:
        code = self.headers.get("x-clickhouse-exception-code")
        return None if code is None else int(code)


@dataclass
class Warehouse:
    """`with Warehouse.start(path) as warehouse`: stopped by SIGTERM at the end, unless it was killed before."""

    process: subprocess.Popen[str]
    url: str
    stderr_path: Path
    ready: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def start(cls, directory: Path, *options: str) -> Self:
        directory.mkdir(parents=True, exist_ok=True)
        stderr_path = directory / "stderr.log"
        command = [*COMMAND, "--data", str(directory / "data"), "--port", "0", *options]
        environment = {**os.environ, "K2_WAREHOUSE_PASSWORD": PASSWORD}
        with stderr_path.open("a") as stderr:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment)
        assert process.stdout is not None
        readable, _, _ = select.select([process.stdout], [], [], 120)
        line = process.stdout.readline() if readable else ""
        if not line:
            process.kill()
            process.wait()
            raise AssertionError(f"not ready: exit {process.returncode}, {stderr_path.read_text()[-2000:]}")
        ready = json.loads(line)
        return cls(process, ready["url"], stderr_path, ready)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(120)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(120)

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def request(
        self,
        method: str,
        path: str = "/",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        password: str | None = PASSWORD,
    ) -> Reply:
        given = {"X-ClickHouse-Key": password.encode()} if password is not None else {}
        connection = self.connection()
        try:
            connection.request(method, path, body, {**given, **(headers or {})})
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, names, response.read())
        finally:
            connection.close()

    def post(self, sql: str | bytes, headers: Mapping[str, str] | None = None, **parameters: str) -> Reply:
        body = sql.encode() if isinstance(sql, str) else sql
        return self.request("POST", f"/?{urlencode(parameters)}", body, headers)

    def get(self, **parameters: str) -> Reply:
        return self.request("GET", f"/?{urlencode(parameters)}")

    def rows(self, sql: str, **parameters: str) -> list[str]:
        """The lines of a query that must succeed."""
        reply = self.post(sql, **parameters)
        assert reply.status == 200, reply.text
        return reply.text.splitlines()

    def raw(self, request: bytes, *, leave: bool = False, silence_s: float = 0.5) -> bytes:
        """Send bytes as they are, and read until the other side closes or is silent; `leave`: say that was all."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            received = b""
            connection.settimeout(60 if leave else silence_s)
            try:  # the other side may answer and hang up before it has read it all
                connection.sendall(request)
                if leave:
                    connection.shutdown(socket.SHUT_WR)
                while chunk := connection.recv(65536):
                    received += chunk
            except (TimeoutError, ConnectionError):
                pass
            return received


def wait_for(condition: Callable[[], bool], what: str, limit_s: float = 60.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {limit_s:g} s: {what}"
        time.sleep(0.02)
