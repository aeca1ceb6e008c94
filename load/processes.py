"""Locust's processes: started together, and none left behind, however the play ends."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.replay import ReplayError
from k2pipeline.stack.guard import Guard

_END_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Processes:
    """main ends with the test, and what it prints can be read; workers, where there are any, end with it."""

    main: subprocess.Popen[str]
    workers: Sequence[subprocess.Popen[str]]

    def require_workers(self) -> None:
        """Raises ReplayError when a worker failed: Locust's master would go on without it."""
        for worker in self.workers:
            if worker.poll():
                raise ReplayError(f"a Locust worker ended with exit code {worker.returncode}; see locust.log")

    def join(self, end_s: float = _END_S) -> None:
        """Wait until all have ended. Raises ReplayError when one has not in time, or did not end well."""
        for process in (self.main, *self.workers):
            try:
                code = process.wait(end_s)
            except subprocess.TimeoutExpired as error:
                raise ReplayError(
                    f"Locust's process {process.pid} does not end: {end_s:g} s after the test; see locust.log"
                ) from error
            if code != 0:
                raise ReplayError(f"Locust ended with exit code {code}; see locust.log in the run's directory")


@contextmanager
def processes(commands: Sequence[Sequence[str]], environment: Mapping[str, str], log: Path) -> Iterator[Processes]:
    """Start commands, the first of which is `main`; those that still run when the block ends are ended."""
    with log.open("w", encoding="utf-8") as kept, closing(Guard()) as guard:
        started: list[subprocess.Popen[str]] = []
        try:
            for number, command in enumerate(commands):
                # A master waits for its workers with time.sleep, so it needs the patch; it sends nothing itself.
                is_patched = "--master" in command
                own = {**environment} if is_patched else {**environment, "LOCUST_SKIP_MONKEY_PATCH": "1"}
                started.append(
                    subprocess.Popen(  # noqa: S603
                        command,
                        env=own,
                        stdin=subprocess.DEVNULL,  # on a terminal Locust would take keys
                        stdout=kept if number else subprocess.PIPE,
                        stderr=kept,
                        text=True,
                        start_new_session=True,  # a Ctrl-C is ours, and passed on where it is meant for the test
                    )
                )
                guard.watch(started[-1].pid)
            yield Processes(started[0], started[1:])
        finally:
            _end(started, guard)


def _end(started: Sequence[subprocess.Popen[str]], guard: Guard) -> None:
    for process in started:
        process.terminate()
    for process in started:
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        guard.forget(process.pid)
        if process.stdout is not None:
            process.stdout.close()
