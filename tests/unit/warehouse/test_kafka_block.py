from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_NOT_AVAILABLE, Message

from k2pipeline.warehouse.kafka.block import Block

Headers = Sequence[tuple[str, bytes | None]]


def message(
    value: bytes | None,
    offset: int,
    *,
    partition: int = 0,
    key: bytes | None = b"BTCUSDT",
    headers: Headers | None = (("recv_ns", b"1"), ("conn", b"c1")),
    timestamp: tuple[int, int] = (TIMESTAMP_CREATE_TIME, 1_700_000_000_123),
) -> Message:
    return Message(
        topic="t",
        partition=partition,
        offset=offset,
        key=key,
        value=value,
        headers=list(headers) if headers is not None else None,
        timestamp=timestamp,
    )


def test_each_message_is_one_row_with_its_metadata() -> None:
    block = Block()
    block.add([message(b'{"a":"\xff"}', 7, partition=3)])
    (row,) = block.table().to_pylist()
    assert row == {
        "_timestamp_ms": datetime(2023, 11, 14, 22, 13, 20, 123_000),  # noqa: DTZ001  (Arrow's, without a zone)
        "message": b'{"a":"\xff"}',
        "_topic": "t",
        "_key": b"BTCUSDT",
        "_offset": 7,
        "_partition": 3,
        "_headers.name": ["recv_ns", "conn"],
        "_headers.value": [b"1", b"c1"],
    }


def test_what_a_message_does_not_carry_is_empty_or_null() -> None:
    block = Block()
    block.add([message(b"x", 0, key=None, headers=None, timestamp=(TIMESTAMP_NOT_AVAILABLE, -1))])
    block.add([message(b"y", 1, headers=[("none", None)])])
    bare, valueless = block.table().to_pylist()
    assert (bare["_key"], bare["_timestamp_ms"]) == (b"", None)
    assert (bare["_headers.name"], bare["_headers.value"]) == ([], [])
    assert (valueless["_headers.name"], valueless["_headers.value"]) == (["none"], [b""])


def test_offsets_to_commit_follow_the_last_message_of_each_partition() -> None:
    block = Block()
    block.add([message(b"x", 4, partition=0), message(b"x", 9, partition=1), message(b"x", 5, partition=0)])
    block.add([message(b"x", 10, partition=1)])
    assert block.next_offsets == {("t", 0): 6, ("t", 1): 11}
    assert (block.message_count, block.row_count) == (4, 4)


def test_messages_without_bytes_make_no_row_but_count_and_move_the_offset() -> None:
    block = Block()
    block.add([message(b"x", 0), message(None, 1), message(b"", 2)])
    assert (block.message_count, block.row_count) == (3, 1)
    assert block.next_offsets == {("t", 0): 3}
    block.add([message(b"", 3)])
    assert block.row_count == 1
    assert block.next_offsets == {("t", 0): 4}


def test_empty_block_is_an_empty_table_of_the_same_columns() -> None:
    assert Block().table().num_rows == 0
    assert Block().table().column_names[0] == "message"
