"""The feed handler is killed (SIGKILL) and started again a moment later.

What it had not passed on, and what happens until its successor is subscribed, nobody sends again, save for what
the exchange resends by itself. It is the pipeline's loss: a run with this fault fails, and names exactly those
trades.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.faults import FaultSpec
from harness.faults.transport import Line, TransportFault

DOWN_S: Final = 0.5


class KillClient(TransportFault):
    """Kills the process at the other end of a connection."""

    name = "kill_client"
    needs_our_clients = True

    def __init__(self, spec: FaultSpec, seed: int) -> None:
        super().__init__(spec, seed)
        self._restart: list[Callable[[], None]] = []

    def inject(self, line: Line) -> float | None:
        self._restart.append(line.kill_client())
        return DOWN_S

    def heal(self, line: Line) -> None:  # noqa: ARG002  # the new process makes a connection of its own
        self._restart.pop(0)()


FAULT = KillClient
