"""One process of a stack: started, watched, signalled and ended by its process id, and by nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from k2pipeline.stack.base import StackError
from k2pipeline.stack.guard import Guard

_POLL_S = 0.005
_LAST_LINES = 15


class ManagedProcess:
    """`name` and `log` are what errors show. Both output streams go to files, so no pipe can fill up.

    The process gets its own session: Ctrl-C in the terminal reaches the harness, which ends things in order.
    """

    def __init__(self, name: str, logs: Path, guard: Guard) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        self.output = logs / f"{name}.out"
        self._guard = guard
        self._process: subprocess.Popen[bytes] | None = None
        self._paused = False

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        process = self._process  # another thread may end it meanwhile
        return process.pid if process and process.poll() is None else None

    def start(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start it with `environment` on top of ours. Its log grows; its output starts empty."""
        self._paused = False
        with self.log.open("ab") as log, self.output.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603  (our own commands, no shell)
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        self._guard.watch(self._process.pid)

    def wait_until(self, ready: Callable[[], bool], limit_s: float) -> None:
        """Poll `ready`. StackError with the last lines of the log if the process ends or the time is over."""
        deadline = time.monotonic() + limit_s
        while not ready():
            self.require_alive()
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} is not ready after {limit_s:g} s; {self._last_words()}")
            time.sleep(_POLL_S)
        self.require_alive()

    def require_alive(self) -> None:
        if self._process is None:
            return
        status = self._process.poll()
        if status is not None:
            ended = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"
            raise StackError(f"{self.name} {ended}; {self._last_words()}")

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone. A process that is not there is fine."""
        self._end(signal.SIGKILL, limit_s=30)

    def terminate(self, limit_s: float) -> None:
        """SIGTERM, and SIGKILL if it is still there after `limit_s`."""
        if self._paused:
            self.resume()
        self._end(signal.SIGTERM, limit_s)
        self.kill()

    def pause(self) -> None:
        """SIGSTOP, and wait until every thread of it has stopped."""
        stopping = self._signal(signal.SIGSTOP)
        os.waitid(os.P_PID, stopping, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        self._paused = True

    def resume(self) -> None:
        self._signal(signal.SIGCONT)
        self._paused = False

    def _signal(self, number: signal.Signals) -> int:
        if self._process is None or self._process.poll() is not None:
            raise StackError(f"{self.name} does not run, so it cannot take {number.name}; restart it first")
        self._process.send_signal(number)
        return self._process.pid

    def _end(self, number: signal.Signals, limit_s: float) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            if number is signal.SIGKILL:
                raise StackError(f"{self.name} (process {self._process.pid}) does not end after SIGKILL") from None
            return
        self._guard.forget(self._process.pid)
        self._process = None

    def _last_words(self) -> str:
        lines = [line for path in (self.log, self.output) for line in _tail(path)][-_LAST_LINES:]
        shown = "\n".join(f"  {line}" for line in lines) or "  (nothing)"
        return f"the last lines of {self.log}:\n{shown}"


def _tail(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()[-_LAST_LINES:] if path.exists() else []
