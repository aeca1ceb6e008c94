"""The ways in, with strikes: frames flow until the last strike has been recovered from.

Broker and warehouse are struck while the harness produces, and its ledger says what was acknowledged. Feed handlers
are struck between simulated exchanges and the broker. What a killed handler had not passed on, and what was sent
while there was none, no broker acknowledged: such a frame is no longer owed. A trade of it that the exchange does not
bring again must then be found as a gap.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from harness.crash.strikes import Strikes, until
from harness.crash.victims import FeedHandlers, Silver, StackPart
from harness.exchange.show import programme
from harness.exchange.source import Source, generated
from harness.faults.process import ProcessFault, Victim
from harness.plan import Plan
from harness.replay import Times, replay
from harness.ways import Played, Told
from harness.ways.handlers import Handlers
from harness.ways.websocket import WebSocketWay
from k2pipeline.stack import Stack

# Longer than the longest recovery: the producer must not give up a message that the broker can still take.
_PRODUCER: Final = {"message.timeout.ms": 300_000}
_FLUSH_S: Final = 120.0


@dataclass(slots=True)
class StrikingWay:
    """See harness.ways.Way; `recoveries_s` is known after `play`."""

    planned: Plan
    fault: ProcessFault
    victim: str
    times: int
    recoveries_s: list[float] = field(default_factory=list)

    def play(self, running: Stack, directory: Path, told: Told) -> Played:
        play = self._through_handlers if self.victim == "feed" else self._straight
        return play(running, directory, told)

    def _straight(self, running: Stack, directory: Path, told: Told) -> Played:
        over = threading.Event()
        with self._strikes(StackPart(running, self.victim), running, over, told).striking():
            stats = replay(
                until(over, self.planned.frames()),
                bootstrap=running.bootstrap,
                pace=self.planned.pace,
                times=Times.NOW,
                seed=self.planned.scenario.seed,
                ledger_path=directory / "ledger.parquet",
                producer_config=_PRODUCER,
                flush_timeout_s=_FLUSH_S,
            )
        return Played(stats)

    def _through_handlers(self, running: Stack, directory: Path, told: Told) -> Played:
        scenario, over = self.planned.scenario, threading.Event()
        whole = generated(self.planned.duration_ns, scenario.seed, scenario.symbols)
        source = Source(lambda: until(over, whole.frames()), whole.symbols, whole.span_ns)

        @asynccontextmanager
        async def attended(handlers: Handlers) -> AsyncIterator[None]:
            loop = asyncio.get_running_loop()
            strikes = self._strikes(FeedHandlers(handlers, loop), running, over, told)
            strikes.start()
            # It is not waited for in this thread: a strike needs the loop to be carried out.
            try:
                yield
            except BaseException:
                over.set()
                await loop.run_in_executor(None, strikes.join)
                raise
            await loop.run_in_executor(None, strikes.end)

        way = WebSocketWay(programme(source, self.planned.pace, (), scenario.seed), attended)
        played = way.play(running, directory, lambda *_: None)
        _forgive_unacknowledged(played.stats.ledger_path)
        return replace(played, checks=tuple(check for check in played.checks if check.name != "no_frame_lost"))

    def _strikes(self, victim: Victim, running: Stack, over: threading.Event, told: Told) -> Strikes:
        seed, silver = self.planned.scenario.seed, Silver(running)
        # What the warehouse could lose or double, it has in hand while it inserts.
        is_moment = silver.is_inserting if victim.name == "warehouse" else lambda: True
        strikes = Strikes(self.fault, victim, self.times, seed, silver.newest_ns, over, told, is_moment)
        self.recoveries_s = strikes.recoveries_s
        return strikes


def _forgive_unacknowledged(ledger: Path) -> None:
    """Let nothing be owed that has no offset."""
    written = ledger.with_suffix(".forgiven")
    with pq.ParquetFile(ledger) as file, pq.ParquetWriter(written, file.schema_arrow, compression="zstd") as writer:
        for batch in file.iter_batches():
            table = pa.table(batch)
            owed = pc.and_(table["owed"], pc.is_valid(table["offset"]))
            place = table.schema.get_field_index("owed")
            writer.write_table(table.set_column(place, table.schema.field(place), owed))
    written.replace(ledger)
