"""The warehouse's process: its socket, its signals, and the line that says it is ready."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from k2pipeline.warehouse.engine import Engine
from k2pipeline.warehouse.http.app import create_app
from k2pipeline.warehouse.http.kafka_support import KafkaSupport
from k2pipeline.warehouse.http.protocol import BoundedProtocol
from k2pipeline.warehouse.http.query_endpoint import QueryEndpoint, Timeouts
from k2pipeline.warehouse.http.runner import Runner
from k2pipeline.warehouse.http.sessions import Sessions
from k2pipeline.warehouse.http.spool import SpoolDirectory

LOG = logging.getLogger("k2.warehouse.http")

_HOST = "127.0.0.1"
_CONNECTIONS_MAX = 1000
# Longer than clients keep idle connections, so that it is never us who close one being used again.
_KEEP_ALIVE_S = 900
_FINISH_TIMEOUT_S = 5


@dataclass(frozen=True)
class ServerConfig:
    """`port` 0 means any free one."""

    data: Path
    port: int
    password: str
    concurrent_queries: int = 64
    queue_timeout_s: float = 30.0
    timeouts: Timeouts = field(default_factory=Timeouts)


def serve(config: ServerConfig, kafka_for: Callable[[Engine], KafkaSupport], ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. `ready` gets one line of JSON: url, pid, version.

    Raises WarehouseError if the engine cannot open the data directory, OSError if the port is taken.
    """
    engine = Engine(config.data)
    listener = socket.create_server((_HOST, config.port))
    url = f"http://{_HOST}:{listener.getsockname()[1]}"
    kafka = kafka_for(engine)
    slots = threading.BoundedSemaphore(config.concurrent_queries)
    runner = Runner(engine, kafka, Sessions(), slots, config.queue_timeout_s)
    spool = SpoolDirectory(config.data / "http_spool")
    queries = QueryEndpoint(runner, spool, config.password, config.timeouts, socket.gethostname())
    line = json.dumps({"url": url, "pid": os.getpid(), "version": engine.version})
    _Server(_uvicorn_config(create_app(queries, kafka)), lambda: ready(line)).run([listener])
    if queries.at_work:
        # Closing an engine that is being used ends the process too, but by a segmentation fault.
        LOG.error("%d queries did not end when they were killed; leaving all the same", queries.at_work)
        logging.shutdown()
        os._exit(1)
    engine.close()


def _uvicorn_config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS_MAX,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_FINISH_TIMEOUT_S,
        lifespan="on",
    )


class _Server(uvicorn.Server):
    """Ends normally on a signal; uvicorn would raise it again and leave with the signal as exit code."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield
