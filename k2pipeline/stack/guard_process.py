"""The guard's program: `+PID` and `-PID` lines on stdin; kills the PIDs it holds when its parent is gone.

    guard_process.py PID-OF-THE-PARENT

Run as a file, by guard.py; standard library only.
"""

from __future__ import annotations

import os
import select
import signal
import sys

_LOOK_S = 0.5


def main() -> None:
    # Given, not asked for: the parent may be gone before we run.
    parent = int(sys.argv[1])
    watched: dict[int, int | None] = {}
    unread = b""
    while True:
        # A child that the parent forked may hold the pipe open after the parent's death, so ask for that too;
        # and ask before reading, so that nothing written before it stays unread.
        orphaned = os.getppid() != parent
        if not select.select([0], [], [], 0 if orphaned else _LOOK_S)[0]:
            if orphaned:
                break
            continue
        received = os.read(0, 65536)
        if not received:
            break
        *lines, unread = (unread + received).split(b"\n")
        for line in lines:
            _apply(line, watched)
    for pid, handle in watched.items():
        _kill(pid, handle)


def _apply(line: bytes, watched: dict[int, int | None]) -> None:
    pid = int(line[1:])
    if line.startswith(b"+"):
        watched[pid] = _handle(pid)
        return
    handle = watched.pop(pid, None)
    if handle is not None:
        os.close(handle)


def _handle(pid: int) -> int | None:
    """A descriptor of this very process, even after its number was given to another; Linux has that."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _kill(pid: int, handle: int | None) -> None:
    try:
        if handle is None:
            os.kill(pid, signal.SIGKILL)
        else:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    main()
