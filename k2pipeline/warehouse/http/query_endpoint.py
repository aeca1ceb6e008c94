"""`/`, where queries go: every request is read, run and answered by one worker's thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import secrets
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from k2pipeline.warehouse.errors import ClientGone, WarehouseError
from k2pipeline.warehouse.http.access import read_credentials
from k2pipeline.warehouse.http.answer import Answer
from k2pipeline.warehouse.http.body import RequestBody
from k2pipeline.warehouse.http.cancellation import Cancellation
from k2pipeline.warehouse.http.compression import decoded
from k2pipeline.warehouse.http.job import read_job
from k2pipeline.warehouse.http.request import Request, read_request, read_url
from k2pipeline.warehouse.http.response import Identity
from k2pipeline.warehouse.http.runner import Runner
from k2pipeline.warehouse.http.spool import SpoolDirectory

LOG = logging.getLogger("k2.warehouse.http")

# A thread is held while a request's body arrives, its query runs, and its answer is taken.
_THREADS_MAX = 512
_KILL_AGAIN_S = 0.25
_CLOSE_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Timeouts:
    """How long a client may be silent while it sends, and may take to read a piece of the answer."""

    receive_s: float = 60.0
    send_s: float = 300.0


class QueryEndpoint:
    def __init__(
        self, runner: Runner, spool: SpoolDirectory, password: str, timeouts: Timeouts, server_name: str
    ) -> None:
        self._runner = runner
        self._spool = spool
        self._password = password
        self._timeouts = timeouts
        self._server_name = server_name
        self._threads = concurrent.futures.ThreadPoolExecutor(_THREADS_MAX, thread_name_prefix="query")
        self._at_work: set[concurrent.futures.Future[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("utf-8", "replace") for name, value in scope["headers"]}
        url = read_url(scope["query_string"])
        if scope["method"] in ("GET", "HEAD") and not url.get("query"):
            await PlainTextResponse("Ok.\n")(scope, receive, send)
            return
        cancellation = Cancellation()
        try:
            request = self._admitted(scope["method"], url, headers)
        except Exception as error:  # noqa: BLE001  (whatever was sent, the answer is an error of ClickHouse's)
            answer = self._answer(str(uuid.uuid4()), "UTC", "", send, cancellation)
            answer.fail(error if isinstance(error, WarehouseError) else _own_failure("a request"))
        else:
            answer = self._answer(request.query_id, request.timezone, request.accept_encoding, send, cancellation)
            await self._work(request, receive, answer, cancellation)
        try:
            await answer.conclude()
        except ClientGone:
            LOG.debug("the client left before its answer")

    def close(self) -> None:
        """End all queries. Call after the last request was accepted; `at_work` then says how many would not end."""
        self._runner.engine.kill_all()
        concurrent.futures.wait(set(self._at_work), _CLOSE_TIMEOUT_S)
        self._threads.shutdown(wait=False)
        self._runner.sessions.close()

    @property
    def at_work(self) -> int:
        return len(self._at_work)

    def _admitted(self, method: str, url: Mapping[str, bytes], headers: Mapping[str, str]) -> Request:
        given = {name: url[name].decode("utf-8", "replace") for name in ("user", "password") if name in url}
        read_credentials(headers, given).require(self._password)
        return read_request(method, url, headers)

    def _answer(
        self, query_id: str, timezone: str, accept_encoding: str, send: Send, cancellation: Cancellation
    ) -> Answer:
        identity = Identity(query_id, timezone, secrets.token_hex(8), self._server_name)
        version = self._runner.engine.version
        return Answer(identity, version, accept_encoding, send, cancellation, self._timeouts.send_s)

    async def _work(self, request: Request, receive: Receive, answer: Answer, cancellation: Cancellation) -> None:
        body = RequestBody(receive, self._timeouts.receive_s, cancellation)
        watcher = asyncio.create_task(self._watch(body, receive, cancellation))
        try:
            await body.start()
            work = self._threads.submit(self._execute, request, body, answer, cancellation)
            self._at_work.add(work)
            work.add_done_callback(self._at_work.discard)
            await asyncio.wrap_future(work)
        except WarehouseError as error:
            answer.fail(error, close=True)
        except (ClientGone, asyncio.CancelledError):
            cancellation.leave()
        finally:
            watcher.cancel()

    def _execute(self, request: Request, body: RequestBody, answer: Answer, cancellation: Cancellation) -> None:
        try:
            with ExitStack() as kept:
                source = decoded(body, request.content_encoding)
                job = read_job(request, source, self._spool, kept)
                with self._runner.running(job, cancellation) as running:
                    answer.deliver(running)
        except ClientGone:
            cancellation.gone = True
        except WarehouseError as error:
            answer.fail(error, close=not body.complete.is_set())
        except Exception:  # noqa: BLE001
            answer.fail(_own_failure(f"query {request.query_id}"), close=True)

    async def _watch(self, body: RequestBody, receive: Receive, cancellation: Cancellation) -> None:
        """End a query whose client leaves. It is killed repeatedly, for it may only be about to start."""
        await body.complete.wait()
        while (await receive())["type"] != "http.disconnect":
            pass
        cancellation.leave()
        while True:
            if cancellation.tag:
                try:
                    await asyncio.to_thread(self._runner.engine.kill, cancellation.tag)
                except WarehouseError as error:
                    LOG.warning("a query whose client left could not be killed: %s", error)
            await asyncio.sleep(_KILL_AGAIN_S)


def _own_failure(what: str) -> WarehouseError:
    """A defect of ours: its traceback goes to the log, and the client is told where to look."""
    LOG.exception("%s failed in the HTTP interface itself", what)
    return WarehouseError(
        1002, "UNKNOWN_EXCEPTION", "the warehouse's HTTP interface failed; its log on stderr says how"
    )
