"""A simulated exchange with one play on it, ready to be opened: what the command and the runs share."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.clock import steady_clock
from harness.exchange.catalogue import Catalogue, catalogue
from harness.exchange.dialect import Dialect, Limits
from harness.exchange.dialects import open_dialects
from harness.exchange.floor import Floor
from harness.exchange.player import Player, Progress
from harness.exchange.script import Kill, Script, nobodys
from harness.exchange.sent import Record
from harness.exchange.server import BUFFER_BYTES, ExchangeServer
from harness.exchange.source import Source
from harness.faults import TRANSPORT_NAMES, FaultChain, FaultSpec
from harness.pace import Pace
from harness.replay import ReplayStats
from harness.survey import no_trades
from k2pipeline.exchanges import FrameKind


@dataclass(frozen=True, slots=True)
class Programme:
    """What is played, at which pace, with which faults. One seed for every choice."""

    source: Source
    pace: Pace
    faults: Sequence[FaultSpec]
    seed: int
    dialects: tuple[Dialect, ...]
    catalogue: Catalogue

    @property
    def on_frames(self) -> list[FaultSpec]:
        """The faults that happen to frames."""
        return [spec for spec in self.faults if spec.name not in TRANSPORT_NAMES]

    @property
    def on_lines(self) -> list[FaultSpec]:
        """The faults that happen to connections."""
        return [spec for spec in self.faults if spec.name in TRANSPORT_NAMES]


def programme(
    source: Source,
    pace: Pace,
    faults: Sequence[FaultSpec],
    seed: int,
    limits: Limits | None = None,
) -> Programme:
    """Look through the source and set up the exchanges that it is of. Raises what reading its frames does."""
    ids = random.Random(f"{seed}/connections")  # noqa: S311  # repeatable on purpose
    # Real connection ids are larger than 2^63, which some clients cannot take.
    dialects = tuple(open_dialects(limits or Limits(), lambda: ids.getrandbits(64) | 1 << 63))
    return Programme(source, pace, faults, seed, dialects, catalogue(source, dialects))


class Show:
    """One play and its server. `server.listening` opens it, `play` plays."""

    def __init__(
        self,
        programme: Programme,
        record: Record,
        *,
        is_interrupted: Callable[[], bool],
        progress: Progress | None = None,
        kill: Kill = nobodys,
        buffer_bytes: int = BUFFER_BYTES,
        drops_slow: bool = False,
        probes: bool = False,
    ) -> None:
        clock, on_lines = steady_clock(), programme.on_lines
        self.floor = Floor(programme.dialects, record, clock, keeps=bool(on_lines))
        self.server = ExchangeServer(
            self.floor, clock, buffer_bytes=buffer_bytes, drops_slow=drops_slow, probes=probes or bool(on_lines)
        )
        self._programme = programme
        self._is_interrupted = is_interrupted
        self._chain = FaultChain(programme.on_frames, programme.seed)
        self._script = Script(on_lines, programme.seed, self.floor.feeding, kill)
        progress_of = programme.catalogue.progress
        self._player = Player(
            self.floor, clock, programme.pace, self._chain, self._script, progress_of, is_interrupted, progress
        )

    async def play(self) -> None:
        """Play all of it. Raises PlayError when a client neither reads nor comes back."""
        await self._player.play(self._programme.source.frames())

    def check_effect(self) -> None:
        """Raise CaptureError if no trade was played, NoEffect if a fault did less than was asked for."""
        if self._is_interrupted():
            return
        if not any(kind is FrameKind.TRADE for _, kind, _ in self._player.channels):
            raise no_trades("play", self._player.channels)
        self._chain.check_effect()
        self._script.check_effect()

    def stats(self, ledger: Path) -> ReplayStats:
        """What has been played until now."""
        player = self._player
        span_ns = player.last_sent_ns - player.first_sent_ns
        rate = (player.trades_sent - player.last_trades) * 1e9 / span_ns if span_ns else None
        faults = {fault.name: fault.changed for fault in self._chain.faults}
        return ReplayStats(
            frames_read=sum(player.channels.values()),
            frames_sent=player.frames_sent,
            trades_sent=player.trades_sent,
            channels=dict(player.channels),
            faults={**faults, **{fault.name: fault.changed for fault in self._script.faults}},
            seconds=span_ns / 1e9,
            trades_per_second=rate,
            late_p99_ns=player.lateness.percentile_ns(99),
            late_max_ns=player.lateness.max_ns if player.start_ns else None,
            interrupted=self._is_interrupted(),
            ledger_path=ledger,
        )
