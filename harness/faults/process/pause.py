"""A process stands still (SIGSTOP) for a while: it is there, its connections are open, and it does not answer.

It stands for a long garbage collection, a suspended virtual machine, a disk that does not answer.
"""

from __future__ import annotations

from harness.faults.process import ProcessFault, Victim


class Pause(ProcessFault):
    """SIGSTOP, and after `pause_s` SIGCONT."""

    name = "pause"

    def inject(self, victim: Victim) -> float:
        victim.pause()
        return self.pause_s

    def heal(self, victim: Victim) -> None:
        victim.resume()


FAULT = Pause
