"""Looking after a stack while a run uses it: what dies is named at once, and is the error that a user sees."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from harness.ways import Told
from k2pipeline.stack import Stack, StackError

_LOOK_S: Final = 1.0
# A process that was killed lets go of its sockets a moment before anybody can see that it is gone.
_DEATH_S: Final = 1.0
_POLL_S: Final = 0.02


def attended(running: Stack, told: Told) -> Told:
    """Passes on what a play tells, and looks at the stack meanwhile: hours of frames for a warehouse that is gone are
    in vain. Only where that takes no question over a network, which would make frames late.
    """
    looked, is_ours = time.monotonic(), bool(running.processes)

    def tell(text: str, share: float | None = None) -> None:
        nonlocal looked
        told(text, share)
        if is_ours and time.monotonic() - looked > _LOOK_S:
            running.require_alive()
            looked = time.monotonic()

    return tell


@contextmanager
def blaming(running: Stack) -> Iterator[None]:
    """Raises StackError in the place of whatever came of a part that died."""
    try:
        yield
    except StackError:
        raise
    except Exception:
        deadline = time.monotonic() + _DEATH_S
        while time.monotonic() < deadline:
            running.require_alive()
            time.sleep(_POLL_S)
        raise
