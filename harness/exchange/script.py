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
from harness.faults.transport import Ending, Line, TransportFault, make_faults

Kill = Callable[[str], Callable[[], None]]
"""Kills the feed handler of an exchange; gives what starts it again."""

_HEAL_LIMIT_S: Final = 30.0


def not_ours(fault: object, clients: str) -> FaultError:
    """The error for a fault that acts on clients of which we know nothing."""
    return FaultError(f"fault {fault}: {clients} is not ours to kill; it needs a run with --via websocket")


def nobodys(exchange: str) -> Callable[[], None]:
    """For a server whose clients are not ours."""
    raise not_ours("kill_client", f"a client of {exchange}")


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

        What finds no connection on which it would change anything strikes as soon as there is one.
        """
        for fault in self.faults:
            if fault.due(progress):
                self._waiting.append(fault)
        self.catch_up()

    def catch_up(self) -> None:
        """Strike what still waits for a connection."""
        waiting, self._waiting = self._waiting, []
        for fault in waiting:
            lines = [line for line in map(self._line, self._lines()) if fault.suits(line)]
            if lines:
                self._strike(fault, self._rng.choice(lines))
            else:
                self._waiting.append(fault)

    @property
    def is_waiting(self) -> bool:
        """True while a fault is due and finds no connection for it."""
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

    def _line(self, connection: Connection) -> Line:
        return _Line(connection, partial(self._kill, connection.dialect.exchange))

    def _strike(self, fault: TransportFault, line: Line) -> None:
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

    @property
    def has_frames(self) -> bool:
        return bool(self.connection.recent)

    def resend(self, frames: int, fault: str) -> int:
        return self.connection.resend(frames, fault)
