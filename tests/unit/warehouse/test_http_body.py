import asyncio
from collections.abc import Callable, Iterable

import pytest

from k2pipeline.warehouse.errors import ClientGone, WarehouseError
from k2pipeline.warehouse.http.body import Message, RequestBody
from k2pipeline.warehouse.http.cancellation import Cancellation

SILENCE: Message = {"type": "silence"}
GONE: Message = {"type": "http.disconnect"}


def part(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def read_with(
    messages: Iterable[Message], work: Callable[[RequestBody], bytes], received: list[int] | None = None
) -> bytes:
    async def run() -> bytes:
        arriving = iter(messages)

        async def receive() -> Message:
            message = next(arriving, SILENCE)
            if message is SILENCE:
                await asyncio.sleep(60)
            if received is not None:
                received.append(len(message.get("body", b"")))
            return message

        body = RequestBody(receive, 0.05, Cancellation())
        await body.start()
        return await asyncio.to_thread(work, body)

    return asyncio.run(run())


def whole(body: RequestBody) -> bytes:
    pieces = []
    while piece := body.read(1000):
        assert len(piece) <= 1000
        pieces.append(piece)
    return b"".join(pieces)


def test_small_body_is_read_without_waiting() -> None:
    assert read_with([part(b"SELECT 1", more=False)], whole) == b"SELECT 1"


def test_body_in_parts_is_read_whole() -> None:
    parts = [part(b"a" * 3000), part(b""), part(b"b"), part(b"", more=False)]
    assert read_with(parts, whole) == b"a" * 3000 + b"b"


def test_empty_body_is_empty() -> None:
    assert read_with([part(b"", more=False)], whole) == b""


def test_no_more_than_a_batch_is_taken_ahead_of_the_reader() -> None:
    received: list[int] = []
    parts = [part(b"x" * 100_000)] * 50

    def some(body: RequestBody) -> bytes:
        pieces = b"".join(body.read(100_000) for _ in range(2))
        assert sum(received) <= 1_300_000
        return pieces

    assert len(read_with(parts, some, received)) == 200_000


def test_silent_client_is_a_timeout() -> None:
    with pytest.raises(WarehouseError, match="SOCKET_TIMEOUT"):
        read_with([part(b"SELECT")], whole)
    with pytest.raises(WarehouseError, match="SOCKET_TIMEOUT"):
        read_with([], whole)


def test_client_that_leaves_is_gone() -> None:
    with pytest.raises(ClientGone):
        read_with([part(b"SELECT"), GONE], whole)
