"""The real feed handlers of a run: `k2 feed`, one process for each exchange, or several side by side."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from k2pipeline.stack import StackError
from k2pipeline.stack.guard import Guard
from k2pipeline.stack.process import ManagedProcess

_READY_LIMIT_S: Final = 60.0
_STOP_LIMIT_S: Final = 40.0
_POLL_S: Final = 0.02


class _Handler(ManagedProcess):
    """One `k2 feed`. It says with one line that all its symbols are subscribed."""

    def __init__(self, name: str, command: Sequence[str], logs: Path, guard: Guard) -> None:
        super().__init__(f"feed-{name}", logs, guard)
        self._command = command

    def launch(self) -> None:
        self.start(self._command)

    @property
    def is_ready(self) -> bool:
        text = self.output.read_text() if self.output.exists() else ""
        return "\n" in text and bool(json.loads(text.splitlines()[0]).get("ready"))

    def stop(self) -> int | None:
        """SIGTERM, and wait: its exit code, None when it had to be killed or was not there."""
        process = self._process
        self.terminate(_STOP_LIMIT_S)
        return process.returncode if process else None


class Handlers:
    """Started by `start`, and ended by `stop` or `close`; `codes` are their exit codes then.

    The first of each exchange goes by its name, those side by side with it as `<exchange>-2` and so on.
    """

    def __init__(
        self, bootstrap: str, urls: Mapping[str, str], symbols: Mapping[str, Sequence[str]], logs: Path, each: int = 1
    ) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._guard = Guard()
        self._handlers = {
            name: _Handler(name, _command(exchange, bootstrap, url, symbols[exchange]), logs, self._guard)
            for exchange, url in urls.items()
            for name in (exchange, *(f"{exchange}-{number}" for number in range(2, each + 1)))
        }
        self.codes: dict[str, int | None] = {}

    async def start(self) -> None:
        """Start all; returns when each has said that it is subscribed. Raises StackError if one ends or is late."""
        for handler in self._handlers.values():
            handler.launch()
        deadline = time.monotonic() + _READY_LIMIT_S
        while waiting := [handler for handler in self._handlers.values() if not handler.is_ready]:
            for handler in waiting:
                handler.require_alive()
            if time.monotonic() > deadline:
                late = ", ".join(handler.name for handler in waiting)
                raise StackError(f"{late} not subscribed after {_READY_LIMIT_S:g} s; see {waiting[0].log}")
            await asyncio.sleep(_POLL_S)

    def require_alive(self) -> None:
        """StackError, with its last words, if one has ended by itself."""
        for handler in self._handlers.values():
            handler.require_alive()

    def kill(self, exchange: str) -> Callable[[], None]:
        """SIGKILL the handler of an exchange; gives what starts it again."""
        handler = self._handlers[exchange]
        handler.kill()
        return handler.launch

    @property
    def exchanges(self) -> tuple[str, ...]:
        """Whose handlers these are."""
        return tuple(self._handlers)

    def pause(self, exchange: str) -> None:
        """SIGSTOP the handler of an exchange."""
        self._handlers[exchange].pause()

    def resume(self, exchange: str) -> None:
        """SIGCONT it again."""
        self._handlers[exchange].resume()

    async def stop(self) -> None:
        """SIGTERM to each; they pass on what they have, and end."""
        loop = asyncio.get_running_loop()
        stopping = {name: loop.run_in_executor(None, handler.stop) for name, handler in self._handlers.items()}
        for name, code in stopping.items():
            self.codes[name] = await code

    def close(self) -> None:
        """End what still runs."""
        for handler in self._handlers.values():
            handler.kill()
        self._guard.close()


def _command(exchange: str, bootstrap: str, url: str, symbols: Sequence[str]) -> list[str]:
    words = [sys.executable, "-m", "k2pipeline.cli", "feed", exchange, "--bootstrap", bootstrap]
    return [*words, "--url", url, "--symbols", ",".join(symbols)]
