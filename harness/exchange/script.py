"""When connections misbehave during a play: faults strike at their moments, and heal."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from harness.exchange.connection import Connection
from harness.faults import FaultError, FaultSpec
from harness.faults.transport import Ending, TransportFault, make_faults

Kill = Callable[[str], Callable[[], None]]
"""Kills the feed handler of an exchange; gives what starts it again."""

_HEAL_LIMIT_S: Final = 30.0


def nobodys(exchange: str) -> Callable[[], None]:
    """For a server whose clients are not ours."""
    raise FaultError(
        f"fault kill_client: the clients of {exchange} are not ours to kill; it needs a run with --via websocket"
    )


class Script:
    """The transport faults of one play. Same seed, same moments and same choices."""

    def __init__(
        self,
        specs: Sequence[FaultSpec],
        seed: int,
        lines: Callable[[], Sequence[Connection]],
        kill: Kill = nobodys,
    ) -> None:
        self.faults = make_faults(specs, seed)
        self._lines = lines
        self._kill = kill
        self._rng = random.Random(f"{seed}/lines")  # noqa: S311  # repeatable on purpose
        self._waiting: list[TransportFault] = []
        self._healing: set[asyncio.TimerHandle] = set()
        self._healed = asyncio.Event()

    def advance(self, progress: float) -> None:
        """Strike what is due before a frame, `progress` (0 to 1) into the play.

        What finds no connection strikes as soon as there is one.
        """
        for fault in self.faults:
            if fault.due(progress):
                self._waiting.append(fault)
        self.catch_up()

    def catch_up(self) -> None:
        """Strike what still waits for a connection."""
        while self._waiting and (lines := self._lines()):
            self._strike(self._waiting.pop(0), self._rng.choice(lines))

    @property
    def is_waiting(self) -> bool:
        """True while a fault is due and finds no connection."""
        return bool(self._waiting)

    async def finish(self) -> None:
        """Wait until everything has healed."""
        while self._healing:
            self._healed.clear()
            await asyncio.wait_for(self._healed.wait(), _HEAL_LIMIT_S)

    def check_effect(self) -> None:
        """Raise NoEffect if a fault did less than was asked for."""
        for fault in self.faults:
            fault.check_effect()

    def _strike(self, fault: TransportFault, connection: Connection) -> None:
        line = _Line(connection, partial(self._kill, connection.dialect.exchange))
        fault.changed += 1
        heals_after_s = fault.inject(line)
        if heals_after_s is None:
            return

        def heal() -> None:
            self._healing.discard(handle)
            fault.heal(line)
            self._healed.set()

        handle = asyncio.get_running_loop().call_later(heals_after_s, heal)
        self._healing.add(handle)


@dataclass(frozen=True, slots=True)
class _Line:
    """A connection as faults see it, see harness.faults.transport.Line."""

    connection: Connection
    kill_client: Callable[[], Callable[[], None]]

    def cut(self, ending: Ending) -> None:
        self.connection.cut(ending)

    def close(self, code: int, reason: str, ending: Ending) -> None:
        self.connection.close(code, reason, ending)

    def mute(self, ending: Ending) -> None:
        self.connection.mute(ending)

    def hold(self) -> None:
        self.connection.hold()

    def release(self) -> None:
        self.connection.release()

    def garble(self, text: bytes, fault: str) -> None:
        self.connection.garble(text, fault)

    def resend(self, frames: int, fault: str) -> int:
        return self.connection.resend(frames, fault)
