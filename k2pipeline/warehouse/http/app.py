"""The warehouse's HTTP interface as an ASGI application: its routes, and who may call them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from k2pipeline.warehouse.http.access import is_loopback
from k2pipeline.warehouse.http.kafka_support import KafkaSupport
from k2pipeline.warehouse.http.query_endpoint import QueryEndpoint

_HELP = """\
There is no handle {path}

Use / or /ping for health checks.
Send queries by POST to /, or by GET /?query=.. if they only read.
"""


def create_app(queries: QueryEndpoint, kafka: KafkaSupport) -> Starlette:
    """Starting it starts the Kafka tables; stopping it ends them and what still runs."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await asyncio.to_thread(kafka.start)
        yield
        await asyncio.to_thread(kafka.close)
        await asyncio.to_thread(queries.close)

    return Starlette(
        routes=[
            Route("/", queries),
            Route("/ping", _ok),
            Route("/replicas_status", _ok),
        ],
        middleware=[Middleware(_LoopbackOnly)],
        exception_handlers={HTTPException: _unknown},
        lifespan=lifespan,
    )


async def _ok(_: Request) -> Response:
    return PlainTextResponse("Ok.\n")


async def _unknown(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return PlainTextResponse(_HELP.format(path=request.url.path), status_code=status)


class _LoopbackOnly:
    """A web page that got its name resolved to 127.0.0.1 sends that name as Host; it must get nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            if not all(map(is_loopback, hosts)):
                refusal = PlainTextResponse(
                    f"Host {hosts[0][:100]!r} is not this machine; use 127.0.0.1 or localhost\n",
                    status_code=403,
                )
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)
