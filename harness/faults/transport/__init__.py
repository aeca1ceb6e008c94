"""Faults of the transport: what goes wrong with a connection, while the frames on it are as they should be.

A module in this package is a fault: its file name is the fault's name. It says in its docstring what it stands
for, and defines `FAULT`, a subclass of TransportFault. An amount is a count (`disconnect=20`: so many times,
spread over what is played) or a share of all frames (`disconnect=0.1%`). Same seed, same moments and choices.
They need connections, so they work with a simulated exchange only.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import random
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final, Protocol

from harness.faults import Count, FaultError, FaultSpec, NoEffect

# Not at the very ends: a connection has to have something on it that can be lost, and something that shows it.
_FIRST: Final = 0.05
_LAST: Final = 0.95

LAST_FRAMES: Final = 50
"""How many frames of a connection are kept to be sent once more, whatever the client has answered for."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection ends, and what that means for the frames that it did not get.

    `resends`: they are sent to whoever subscribes next. Otherwise `is_owed` says whose loss they are: the
    pipeline's, or (False) the exchange's own.
    """

    name: str
    resends: bool
    is_owed: bool


BY_CLIENT: Final = Ending("unheard", resends=False, is_owed=True)
"""The client went away, or broke a rule: what it misses is its own loss."""
TOO_SLOW: Final = Ending("slow", resends=False, is_owed=False)
"""The exchange does not wait for a client that does not read."""


class Line(Protocol):
    """What a fault can do to a connection."""

    def cut(self, ending: Ending) -> None:
        """End the TCP connection with a reset."""

    def close(self, code: int, reason: str, ending: Ending) -> None:
        """Close it properly."""

    def mute(self, ending: Ending) -> None:
        """Never send or read anything again, and keep the socket."""

    def hold(self) -> None:
        """Send nothing until `release`."""

    def release(self) -> None:
        """Send what was held back."""

    def garble(self, text: bytes, fault: str) -> None:
        """Send something that is no frame."""

    @property
    def has_frames(self) -> bool:
        """True once a frame was sent that could be sent again."""

    def resend(self, frames: int, fault: str) -> int:
        """Send the last so many frames once more; gives how many there were."""

    def kill_client(self) -> Callable[[], None]:
        """SIGKILL the program at the other end; gives what starts it again.

        Raises FaultError where that is somebody else's.
        """


class TransportFault(ABC):
    """A fault that happens to a connection. A subclass says in `inject` what, and in `heal` how it ends."""

    name: ClassVar[str]
    needs_our_clients: ClassVar[bool] = False

    def __init__(self, spec: FaultSpec, seed: int) -> None:
        self.spec = spec
        self.changed = 0
        self.rng = random.Random(f"{seed}/{self.name}")  # noqa: S311  # repeatable on purpose
        self._is_due = _moments(spec, self.rng)

    def due(self, progress: float) -> bool:
        """Asked before each frame, with how far the play is (0 to 1): whether to strike now."""
        return self._is_due(progress)

    def suits(self, line: Line) -> bool:  # noqa: ARG002  # most can happen to any
        """Whether it would change anything on this connection."""
        return True

    @abstractmethod
    def inject(self, line: Line) -> float | None:
        """Do it. Gives the seconds until `heal`, or None when there is nothing to heal."""

    def heal(self, line: Line) -> None:  # noqa: B027  # most heal by themselves
        """End it."""

    def check_effect(self) -> None:
        """Raise NoEffect if it did not strike as often as was asked for."""
        least = self.spec.amount.least
        if self.changed < least:
            raise NoEffect(
                f"fault {self.spec} struck {self.changed} times; use a longer capture, a lower rate or another seed"
            )


def make_faults(specs: Sequence[FaultSpec], seed: int) -> list[TransportFault]:
    """The faults that these ask for. Raises FaultError for one that is asked for twice."""
    names = [spec.name for spec in specs]
    for name in names:
        if names.count(name) > 1:
            raise FaultError(f"fault {name!r} is given more than once; give one amount")
    return [TRANSPORT_FAULTS[spec.name](spec, seed) for spec in specs]


def describe_transport_faults() -> Mapping[str, str]:
    """Each fault's name and the first line of its module's docstring, for help texts."""
    modules = {name: inspect.getmodule(fault) for name, fault in TRANSPORT_FAULTS.items()}
    return {name: (inspect.getdoc(module) or "").partition("\n")[0] for name, module in modules.items()}


def _moments(spec: FaultSpec, rng: random.Random) -> Callable[[float], bool]:
    """For a count, one moment at random in each of as many equal parts of the play."""
    if not isinstance(spec.amount, Count):
        pick = spec.amount.picker(rng)
        return lambda _: pick()
    number = spec.amount.number
    moments = deque(_FIRST + (part + rng.random()) * (_LAST - _FIRST) / number for part in range(number))

    def is_due(progress: float) -> bool:
        if not moments or progress < moments[0]:
            return False
        moments.popleft()
        return True

    return is_due


def _discover() -> Mapping[str, type[TransportFault]]:
    found: dict[str, type[TransportFault]] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        fault: type[TransportFault] = importlib.import_module(f"{__name__}.{module.name}").FAULT
        if fault.name != module.name:
            raise ImportError(f"faults/transport/{module.name}.py defines {fault.name!r}; name the file after it")
        found[module.name] = fault
    return MappingProxyType(found)


TRANSPORT_FAULTS: Mapping[str, type[TransportFault]] = _discover()
