"""The ledger: every frame of a run, what was done to it and where it landed.

Columns of the Parquet file, one row per frame, in the order of `seq`:

    seq int64, exchange, symbol, kind (trade | unknown), recv_ns, scheduled_ns, sent_ns, acked_ns int64,
    topic string, partition int32, offset int64, trades int32, faults list<string>, owed bool, frame binary

Times are ns since 1970. `recv_ns` is the receive time that the message carries, `scheduled_ns` when it was
due. A frame that was never produced has no topic and no sent_ns; one that was not acknowledged has no
acked_ns, partition and offset. `owed`: it was the pipeline's duty to deliver it. `frame` is the message's
exact value.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

GROUP_ROWS: Final = 32_768
GROUP_FRAME_BYTES: Final = 32 * 1024 * 1024
_WRITES_AHEAD: Final = 4
_NONE: Final = -1  # in the arrays of a group, which have no nulls

SCHEMA: Final = pa.schema(
    [
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("exchange", pa.string(), nullable=False),
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("recv_ns", pa.int64(), nullable=False),
        pa.field("scheduled_ns", pa.int64(), nullable=False),
        pa.field("sent_ns", pa.int64()),
        pa.field("acked_ns", pa.int64()),
        pa.field("topic", pa.string()),
        pa.field("partition", pa.int32()),
        pa.field("offset", pa.int64()),
        pa.field("trades", pa.int32(), nullable=False),
        pa.field("faults", pa.list_(pa.string()), nullable=False),
        pa.field("owed", pa.bool_(), nullable=False),
        pa.field("frame", pa.binary(), nullable=False),
    ]
)
_REPETITIVE: Final = ["exchange", "symbol", "kind", "topic", "faults.list.element"]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What is known of a frame before it is sent; a frame that will not be sent has no topic."""

    exchange: str
    symbol: str
    kind: str
    recv_ns: int
    scheduled_ns: int
    topic: str | None
    trades: int
    faults: tuple[str, ...]
    owed: bool
    frame: bytes


class Group:
    """Rows of consecutive `seq`, written together once each of them is settled (see Ledger.row)."""

    def __init__(self, first_seq: int, rows: int) -> None:
        self.first_seq = first_seq
        self.entries: list[Entry] = []
        self.sent_ns = array("q", [_NONE]) * rows
        self.acked_ns = array("q", [_NONE]) * rows
        self.partition = array("i", [_NONE]) * rows
        self.offset = array("q", [_NONE]) * rows
        self.frame_bytes = 0
        self.unsettled = 0

    def acknowledge(self, position: int, partition: int, offset: int, acked_ns: int) -> None:
        """The broker has stored the message of the row at `position`."""
        self.partition[position] = partition
        self.offset[position] = offset
        self.acked_ns[position] = acked_ns
        self.unsettled -= 1

    def table(self) -> pa.Table:
        """The rows as SCHEMA says; what is not known is null."""
        rows, entries = len(self.entries), self.entries
        known: dict[str, pa.Array] = {
            "seq": pa.array(range(self.first_seq, self.first_seq + rows), pa.int64()),
            "sent_ns": _nullable(self.sent_ns, rows, pa.int64()),
            "acked_ns": _nullable(self.acked_ns, rows, pa.int64()),
            "partition": _nullable(self.partition, rows, pa.int32()),
            "offset": _nullable(self.offset, rows, pa.int64()),
        }
        for name in Entry.__struct_fields__:
            known[name] = pa.array(list(map(attrgetter(name), entries)), SCHEMA.field(name).type)
        arrays = [known[field.name] for field in SCHEMA]
        return pa.Table.from_arrays(arrays, schema=SCHEMA)


class Ledger:
    """Streams rows to Parquet in bounded memory: a row waits in it only until it is settled.

    A row is settled when it is acknowledged, or at once if it is never sent. On leaving the `with` block the
    file is complete and readable, whatever happened inside; what is not settled by then has no offset.
    """

    def __init__(self, path: Path, group_rows: int = GROUP_ROWS) -> None:
        self._path = path
        self._group_rows = group_rows
        self._groups: deque[Group] = deque()
        self._writes: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        self._writer = pq.ParquetWriter(
            self._path, SCHEMA, compression="zstd", compression_level=1, use_dictionary=_REPETITIVE
        )
        # Arrow's first conversion of Python values imports pandas, if there is one: a quarter of a second.
        Group(0, 0).table()
        # It compresses without the GIL, so that writing a group does not make frames late.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._groups.append(Group(0, self._group_rows))
        return self

    def row(self, entry: Entry, sent_ns: int | None) -> tuple[Group, int]:
        """Append a row; gives the group to acknowledge it in, and its position there."""
        group = self._groups[-1]
        position = len(group.entries)
        if position == self._group_rows or group.frame_bytes >= GROUP_FRAME_BYTES:
            group = self._next_group(group.first_seq + position)
            position = 0
        group.entries.append(entry)
        group.frame_bytes += len(entry.frame)
        if sent_ns is not None:
            group.sent_ns[position] = sent_ns
            group.unsettled += 1
        return group, position

    @property
    def waiting_rows(self) -> int:
        """How many rows are in memory."""
        return sum(len(group.entries) for group in self._groups)

    @property
    def waiting_bytes(self) -> int:
        """How many bytes their frames have."""
        return sum(group.frame_bytes for group in self._groups)

    def unsettled(self) -> Iterator[tuple[int, Entry]]:
        """The rows that were sent and not acknowledged: their seq and entry, in order."""
        for group in self._groups:
            for position, entry in enumerate(group.entries):
                if group.sent_ns[position] != _NONE and group.acked_ns[position] == _NONE:
                    yield group.first_seq + position, entry

    def write_settled(self) -> None:
        """Write the leading groups that are full and settled; raises OSError if an earlier write failed."""
        while len(self._groups) > 1 and not self._groups[0].unsettled:
            self._write(self._groups.popleft())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while self._groups:
                self._write(self._groups.popleft())
            while self._writes:
                self._writes.popleft().result()
        finally:
            self._pool.shutdown()
            self._writer.close()

    def _next_group(self, first_seq: int) -> Group:
        group = Group(first_seq, self._group_rows)
        self._groups.append(group)
        self.write_settled()
        return group

    def _write(self, group: Group) -> None:
        if group.entries:
            self._writes.append(self._pool.submit(self._write_group, group))
        while self._writes and (len(self._writes) > _WRITES_AHEAD or self._writes[0].done()):
            self._writes.popleft().result()

    def _write_group(self, group: Group) -> None:
        self._writer.write_table(group.table(), row_group_size=self._group_rows)


def _nullable(values: array[int], rows: int, kind: pa.DataType) -> pa.Array:
    known = pa.Array.from_buffers(kind, rows, [None, pa.py_buffer(values)])
    return pc.if_else(pc.equal(known, _NONE), pa.scalar(None, kind), known)
