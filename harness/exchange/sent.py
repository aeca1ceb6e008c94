"""The record of a play: every frame that was handed to a connection's socket, and every one that was not.

Columns of the Parquet file, one row for each time a frame was handed over or withheld, in that order:

    exchange, symbol, kind (trade | unknown) string, scheduled_ns int64, sent_ns int64, conn int32, place int64,
    trades int32, faults list<string>, owed bool, extra bool, unheard bool, frame binary

`conn` is the number of the connection and `place` the frame's place among all that it was handed; null, as
`sent_ns`, for a frame that was handed to nobody; `unheard` if that was for want of a connection. `frame` is the
text as that connection got it. `extra`: the exchange sent it beside what was played, such as a snapshot.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

import pyarrow as pa
import pyarrow.parquet as pq

from harness.faults.transport import Ending

if TYPE_CHECKING:
    from harness.exchange.floor import Due

ROWS: Final = 16_384
_BYTES: Final = 32 * 1024 * 1024
_WRITES_AHEAD: Final = 4

SCHEMA: Final = pa.schema(
    [
        pa.field("exchange", pa.string(), nullable=False),
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("scheduled_ns", pa.int64(), nullable=False),
        pa.field("sent_ns", pa.int64()),
        pa.field("conn", pa.int32()),
        pa.field("place", pa.int64()),
        pa.field("trades", pa.int32(), nullable=False),
        pa.field("faults", pa.list_(pa.string()), nullable=False),
        pa.field("owed", pa.bool_(), nullable=False),
        pa.field("extra", pa.bool_(), nullable=False),
        pa.field("unheard", pa.bool_(), nullable=False),
        pa.field("frame", pa.binary(), nullable=False),
    ]
)

Row = tuple[str, str, str, int, int | None, int | None, int | None, int, tuple[str, ...], bool, bool, bool, bytes]


class Record(Protocol):
    """What a floor writes down."""

    def handed(self, due: Due, text: bytes, sent_ns: int, conn: int, place: int, *, is_extra: bool) -> None:
        """A frame was handed to a connection, as this text."""

    def unheard(self, due: Due, tag: str | None, *, is_owed: bool) -> None:
        """A frame was handed to nobody; `tag` says why, beside the faults that it has already."""

    def ended(self, conn: int, place: int, ending: Ending) -> None:
        """A connection is over; its frames from this place on may or may not have arrived."""


class NoRecord:
    """For a server that nobody asks afterwards."""

    def handed(self, due: Due, text: bytes, sent_ns: int, conn: int, place: int, *, is_extra: bool) -> None:
        """Nothing to keep."""

    def unheard(self, due: Due, tag: str | None, *, is_owed: bool) -> None:
        """Nothing to keep."""

    def ended(self, conn: int, place: int, ending: Ending) -> None:
        """Nothing to keep."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """From this place on, a connection's frames may or may not have arrived. `ending` says why it ended."""

    place: int
    ending: Ending


class SentLog:
    """Streams rows to Parquet in bounded memory; the file is complete when the `with` block ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self.handed_rows = self.handed_trades = 0
        self.doubts: dict[int, Doubt] = {}
        self._waiting: list[Row] = []
        self._waiting_bytes = 0
        self._writes: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._writer = pq.ParquetWriter(self.path, SCHEMA, compression="zstd", compression_level=1)
        _table([])  # Arrow's first conversion of Python values is slow
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sent")
        return self

    def handed(self, due: Due, text: bytes, sent_ns: int, conn: int, place: int, *, is_extra: bool) -> None:
        self.handed_rows += 1
        self.handed_trades += due.trades
        known = (due.exchange, due.symbol, due.kind, due.due_ns)
        self._add((*known, sent_ns, conn, place, due.trades, due.faults, due.owed, is_extra, False, text))

    def unheard(self, due: Due, tag: str | None, *, is_owed: bool) -> None:
        faults = due.faults if tag is None else (*due.faults, tag)
        known = (due.exchange, due.symbol, due.kind, due.due_ns)
        fate = (is_owed and due.owed, False, tag is not None)
        self._add((*known, None, None, None, due.trades, faults, *fate, due.played.frame))

    def ended(self, conn: int, place: int, ending: Ending) -> None:
        self.doubts[conn] = Doubt(place, ending)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._write()
            while self._writes:
                self._writes.pop(0).result()
        finally:
            self._pool.shutdown()
            self._writer.close()

    def _add(self, row: Row) -> None:
        self.rows += 1
        self._waiting.append(row)
        self._waiting_bytes += len(row[-1])
        if len(self._waiting) >= ROWS or self._waiting_bytes >= _BYTES:
            self._write()

    def _write(self) -> None:
        if self._waiting:
            self._writes.append(self._pool.submit(self._write_rows, self._waiting))
            self._waiting, self._waiting_bytes = [], 0
        while self._writes and (len(self._writes) > _WRITES_AHEAD or self._writes[0].done()):
            self._writes.pop(0).result()

    def _write_rows(self, rows: list[Row]) -> None:
        self._writer.write_table(_table(rows))


def _table(rows: list[Row]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)
