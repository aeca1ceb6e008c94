"""A process is killed (SIGKILL) in the middle of whatever it does, and started again at once.

It stands for a crash of the program, for the kernel's out-of-memory killer, and for an orchestrator's impatience. What
the operating system had been given stays, so it says nothing of a crash of the machine.
"""

from __future__ import annotations

from harness.faults.process import ProcessFault, Victim


class Kill(ProcessFault):
    """SIGKILL, then a new process on the same data and port."""

    name = "kill"

    def inject(self, victim: Victim) -> float:
        victim.kill()
        return 0.0

    def heal(self, victim: Victim) -> None:
        victim.start()


FAULT = Kill
