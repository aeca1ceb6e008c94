"""Following a Locust process: what it tells of its senders, and that it tells something at all."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.replay import ReplayError

GRACE_S: Final = 120.0
"""How long after the profile's end the last trade may be acknowledged; also how long until all senders are ready."""
SILENCE_S: Final = 60.0
_LOOK_S: Final = 0.05
_MARK: Final = '{"senders":'

Lines = queue.SimpleQueue[str | None]


@dataclass(frozen=True, slots=True)
class Progress:
    """All senders together."""

    frames: int
    trades: int
    errors: tuple[str, ...]


def told_line(senders: Mapping[str, Mapping[str, Any]]) -> str:
    """What a Locust process prints: the progress of each sender by its name."""
    return _MARK + json.dumps(senders) + "}"


def heard(line: str) -> Progress | None:
    """A line of `told_line`; None for what Locust itself prints."""
    if not line.startswith(_MARK):
        return None
    senders = json.loads(line)["senders"]
    return Progress(
        frames=sum(sender["frames"] for sender in senders.values()),
        trades=sum(sender["trades"] for sender in senders.values()),
        errors=tuple(f"{name}: {sender['error']}" for name, sender in senders.items() if sender["error"]),
    )


def follow(
    lines: Lines,
    told: Callable[[Progress], None],
    look: Callable[[], float | None],
    *,
    silence_s: float = SILENCE_S,
    grace_s: float = GRACE_S,
) -> None:
    """Pass on what a process tells, by `lines_of`, until it ends. May be called again after an interruption.

    `look` is called several times a second. It raises what must end the play, and gives the time left (in s) until the
    process should be done, None as long as it has not begun. Raises ReplayError when a sender gave up, the process says
    nothing for silence_s, does not begin within grace_s, or is not done grace_s after it should be.
    """
    word_at = began_at = time.monotonic()
    while True:
        try:
            line = lines.get(timeout=_LOOK_S)
        except queue.Empty:
            line = ""
        if line is None:
            return
        progress = heard(line)
        now = time.monotonic()
        if progress is not None:
            word_at = now
            if progress.errors:
                raise ReplayError(f"a sender gave up: {progress.errors[0]}")
            told(progress)
        if now - word_at > silence_s:
            raise ReplayError(f"Locust has said nothing for {silence_s:g} s; see locust.log in the run's directory")
        _hurry(look(), now - began_at, grace_s)


def _hurry(left_s: float | None, since_s: float, grace_s: float) -> None:
    if left_s is None and since_s > grace_s:
        raise ReplayError(f"the senders are not ready after {grace_s:g} s; see locust.log in the run's directory")
    if left_s is not None and left_s < -grace_s:
        raise ReplayError(
            f"Locust goes on {grace_s:g} s after the profile's end; see locust.log in the run's directory"
        )


def lines_of(process: subprocess.Popen[str]) -> Lines:
    """What a process prints, line by line as it comes, and None at its end: a pipe cannot be read with a limit."""
    lines: Lines = queue.SimpleQueue()

    def pump() -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put(None)

    threading.Thread(target=pump, name="locust-lines", daemon=True).start()
    return lines
