import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import lz4.frame
import pytest

from k2pipeline.warehouse.engine import Result, Statistics
from k2pipeline.warehouse.errors import ClientGone, WarehouseError
from k2pipeline.warehouse.http.answer import Answer
from k2pipeline.warehouse.http.body import Message
from k2pipeline.warehouse.http.cancellation import Cancellation
from k2pipeline.warehouse.http.response import Identity
from k2pipeline.warehouse.http.runner import Running

PIECE = b"x" * 300_000


class Client:
    """Receives an answer; `take` is called before each message, and may wait, fail or look around."""

    def __init__(self, take: Callable[[], Any] = lambda: None) -> None:
        self.messages: list[Message] = []
        self._take = take

    async def send(self, message: Message) -> None:
        waiting = self._take()
        if waiting is not None:
            await waiting
        self.messages.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.messages[0]["headers"])

    @property
    def ended(self) -> bool:
        return not self.messages[-1].get("more_body", False)


def results(*pieces: bytes, fails: bool = False) -> Iterator[Result]:
    for piece in pieces:
        yield Result(piece, Statistics(result_rows=1, read_rows=10))
    if fails:
        raise WarehouseError(395, "X", "failed")


def answer(
    client: Client,
    produced: Iterator[Result],
    accept: str = "",
    cancellation: Cancellation | None = None,
    send_timeout_s: float = 5,
) -> None:
    """What the endpoint does: deliver or fail in a thread, then conclude."""

    async def answered() -> None:
        identity = Identity("id", "UTC", "abcdefghabcdefgh", "name")
        made = Answer(identity, "1", accept, client.send, cancellation or Cancellation(), send_timeout_s)

        def work() -> None:
            try:
                made.deliver(Running("TSV", produced))
            except WarehouseError as error:
                made.fail(error)

        await asyncio.to_thread(work)
        await made.conclude()

    asyncio.run(answered())


def test_short_answer_is_one_piece_with_its_length_and_summary() -> None:
    client = Client()
    answer(client, results(b"a", b"b"))
    assert (len(client.messages), client.body, client.ended) == (2, b"ab", True)
    assert client.headers[b"content-length"] == b"2"
    summary = json.loads(client.headers[b"x-clickhouse-summary"])
    assert (summary["result_rows"], summary["read_rows"]) == ("2", "20")


def test_long_answer_is_streamed_in_pieces() -> None:
    client = Client()
    answer(client, results(*[PIECE] * 5, b"end"))
    assert (client.body, client.ended) == (PIECE * 5 + b"end", True)
    assert len(client.messages) == 7
    assert b"content-length" not in client.headers


@pytest.mark.parametrize("pieces", [[b"short" * 1000], [PIECE] * 3])
def test_answer_is_compressed_as_one_frame(pieces: list[bytes]) -> None:
    client = Client()
    answer(client, results(*pieces), accept="lz4")
    assert client.headers[b"content-encoding"] == b"lz4"
    assert lz4.frame.decompress(client.body) == b"".join(pieces)
    assert len(client.body) < sum(map(len, pieces)) / 10


def test_very_short_answer_is_not_compressed() -> None:
    client = Client()
    answer(client, results(b"1\n"), accept="lz4")
    assert (client.body, b"content-encoding" in client.headers) == (b"1\n", False)


def test_failure_before_anything_was_sent_is_an_error_status() -> None:
    client = Client()
    answer(client, results(b"a", fails=True), accept="lz4")
    assert (client.messages[0]["status"], client.ended) == (500, True)
    assert client.headers[b"x-clickhouse-exception-code"] == b"395"
    assert client.body == b"Code: 395. DB::Exception: failed. (X) (version 1 (official build))\n"


@pytest.mark.parametrize("accept", ["", "lz4"])
def test_failure_in_the_middle_has_no_end(accept: str) -> None:
    client = Client()
    answer(client, results(PIECE, fails=True), accept=accept)
    body = lz4.frame.decompress(client.body) if accept else client.body
    assert client.messages[0]["status"] == 200
    assert not client.ended
    assert body.startswith(PIECE + b"\r\n__exception__\r\nabcdefghabcdefgh\r\nCode: 395.")


def test_next_piece_is_made_only_when_the_last_was_taken() -> None:
    made = 0

    def counted() -> Iterator[Result]:
        nonlocal made
        for result in results(*[PIECE] * 10):
            made += 1
            yield result

    ahead: list[int] = []
    client = Client(lambda: ahead.append(made - max(0, len(client.messages) - 1)))
    answer(client, counted())
    assert made == 10
    assert max(ahead) <= 1


def test_client_that_leaves_ends_the_query() -> None:
    cancellation = Cancellation()
    closed = False

    def endless() -> Iterator[Result]:
        nonlocal closed
        try:
            while True:
                yield Result(PIECE, Statistics())
        finally:
            closed = True

    client = Client(lambda: cancellation.leave() if len(client.messages) > 3 else None)
    produced = endless()
    with pytest.raises(ClientGone):
        answer(client, produced, cancellation=cancellation)
    produced.close()  # type: ignore[attr-defined]
    assert closed
    assert len(client.messages) < 10


def test_client_that_takes_nothing_is_given_up() -> None:
    client = Client(lambda: asyncio.sleep(60))
    with pytest.raises(ClientGone):
        answer(client, results(PIECE, PIECE), send_timeout_s=0.05)
