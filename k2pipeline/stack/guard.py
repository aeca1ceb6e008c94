"""Nothing is left behind when the harness itself is killed: a guard process ends what it started.

The guard reads process ids from a pipe. When the pipe closes, or the process that started it is gone, it
kills those it still has. PR_SET_PDEATHSIG does this on Linux alone, and fires when a *thread* ends.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, cast

_LOG = logging.getLogger("k2.stack.guard")
_PROGRAM = Path(__file__).with_name("guard_process.py")


class Guard:
    """Give it each process id right after the start; take it back once that process has been waited for."""

    def __init__(self) -> None:
        # -I and -S: it needs the standard library only, and so starts in some 10 ms.
        self._process = subprocess.Popen(  # noqa: S603  (our own file)
            [sys.executable, "-I", "-S", str(_PROGRAM), str(os.getpid())],
            stdin=subprocess.PIPE,
            # Our own streams would stay open as long as the guard has them.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def watch(self, pid: int) -> None:
        self._tell(f"+{pid}\n")

    def forget(self, pid: int) -> None:
        self._tell(f"-{pid}\n")

    def close(self) -> None:
        """End the guard, and with it whatever it still watches."""
        if not self._pipe.closed:
            self._pipe.close()
        self._process.wait()

    @property
    def _pipe(self) -> IO[bytes]:
        return cast(IO[bytes], self._process.stdin)

    def _tell(self, line: str) -> None:
        try:
            self._pipe.write(line.encode())
        except BrokenPipeError:
            _LOG.warning("the guard process %d is gone; if we are killed now, processes stay", self.pid)
