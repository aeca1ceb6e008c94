"""A run in small: frames into a ledger, and the truth of it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.captures import CapturedFrame
from harness.ledger import SCHEMA
from harness.truth import Truth, compute

RECV_NS = 1_723_161_255_343_000_001


class Run:
    """Frames go to one partition with offsets from 0, unless said otherwise."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: list[dict[str, Any]] = []
        self._next_offset = 0

    def send(
        self,
        exchange: str,
        *frames: str | bytes,
        recv_ns: int = RECV_NS,
        offset: int | None = None,
        partition: int = 0,
        topic: str | None = None,
        faults: Sequence[str] = (),
    ) -> None:
        """Frames that the broker acknowledged, the first one at `offset`."""
        self._next_offset = self._next_offset if offset is None else offset
        for frame in frames:
            self._write(
                exchange,
                frame,
                recv_ns=recv_ns,
                sent_ns=1_001,
                acked_ns=1_002,
                topic=topic or f"market.crypto.trades.{exchange}",
                partition=partition,
                offset=self._next_offset,
                faults=list(faults),
            )
            self._next_offset += 1

    def withhold(self, exchange: str, frame: str, recv_ns: int = RECV_NS) -> None:
        """A frame that is owed and was never produced."""
        self._write(exchange, frame, recv_ns=recv_ns, faults=["withhold"])

    def leave_out(self, exchange: str, frame: str) -> None:
        """A frame that the exchange never sent."""
        self._write(exchange, frame, faults=["gap"], owed=False)

    def truth(self, tape: Iterable[CapturedFrame] = ()) -> Truth:
        """The truth of all this, by way of a file of three groups or more; `tape` is what was to be sent."""
        table = pa.Table.from_pylist(self._rows, schema=SCHEMA)
        pq.write_table(table, self._path, row_group_size=max(7, len(self._rows) // 3))
        return compute(self._path, tape)

    def _write(self, exchange: str, frame: str | bytes, **values: object) -> None:
        content = frame if isinstance(frame, bytes) else frame.encode()
        row = {
            "seq": len(self._rows),
            "exchange": exchange,
            "symbol": "key",
            "kind": "trade",
            "recv_ns": RECV_NS,
            "scheduled_ns": 1_000,
            "trades": 1,
            "owed": True,
            "frame": content,
        }
        self._rows.append(row | values)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "ledger.parquet")
