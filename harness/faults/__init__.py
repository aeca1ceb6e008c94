"""Faults: what goes wrong on the way from exchange to topic, injected on purpose and recorded in the ledger.

A module in this package is a fault: its file name is the fault's name. It says in its docstring what it stands for
and what becomes of its trades, and defines `FAULT`, a subclass of FrameFault. Same seed and frames, same faults:

    chain = FaultChain([parse_fault("duplicate=5%"), parse_fault("gap=0.1%")], seed=7)
    for outgoing in chain.inject(frame): ...
    for outgoing in chain.heal(): ...
    chain.check_effect()
"""

from __future__ import annotations

import heapq
import importlib
import inspect
import pkgutil
import random
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, TypeVar

import msgspec

Number = TypeVar("Number", int, Fraction)


TRANSPORT_NAMES = frozenset(found.name for found in pkgutil.iter_modules([str(Path(__file__).parent / "transport")]))
"""Faults that happen to connections, see harness.faults.transport; the others happen to frames."""


class FaultError(ValueError):
    """A fault that cannot be understood; the message says what can."""


class NoEffect(Exception):  # noqa: N818  # named for what happened
    """A fault was asked for and changed nothing (or less than asked), so the run proves nothing about it."""


class Outgoing(msgspec.Struct, frozen=True):
    """A trade frame on its way to the topic.

    `faults` names what was done to it. `owed`: it is the pipeline's duty to deliver it. `sent`: it is really
    produced; a frame that is not still stands in the ledger.
    """

    recv_ns: int
    exchange: str
    symbol: str
    trades: int
    frame: bytes
    faults: tuple[str, ...] = ()
    owed: bool = True
    sent: bool = True


@dataclass(frozen=True, slots=True)
class Share:
    """So many of all trade frames, anywhere in the stream: above 0, at most 1."""

    fraction: Fraction

    def __str__(self) -> str:
        return f"{float(self.fraction * 100):g}%"

    @property
    def least(self) -> int:
        """How many frames have to change for the fault to count as injected."""
        return 1

    def picker(self, rng: random.Random) -> Callable[[], bool]:
        """A function that is asked once per frame and says whether to change it."""
        probability, draw = float(self.fraction), rng.random
        return lambda: draw() < probability


@dataclass(frozen=True, slots=True)
class Count:
    """This many trade frames, early in the stream and up to three frames apart."""

    number: int

    def __str__(self) -> str:
        return str(self.number)

    @property
    def least(self) -> int:
        """How many frames have to change for the fault to count as injected."""
        return self.number

    def picker(self, rng: random.Random) -> Callable[[], bool]:
        """A function that is asked once per frame and says whether to change it."""
        remaining, skip = self.number, rng.randrange(4)

        def pick() -> bool:
            nonlocal remaining, skip
            if skip:
                skip -= 1
                return False
            if not remaining:
                return False
            remaining, skip = remaining - 1, rng.randrange(4)
            return True

        return pick


Amount = Share | Count


class FrameFault(ABC):
    """A fault that acts on single trade frames. A subclass says in `change` what becomes of a picked one.

    `default_detail` is what follows the amount where nothing does (`late=1%` is `late=1%:30s`); '' for a fault
    that has no more to say than how often.
    """

    name: ClassVar[str]
    default_detail: ClassVar[str] = ""

    def __init__(self, spec: FaultSpec, seed: int) -> None:
        self.spec = spec
        self.detail = spec.detail or self.default_detail
        self.changed = 0
        self.seen = 0
        self._due = 0
        self._rng = random.Random(f"{seed}/{self.name}")  # noqa: S311  # repeatable on purpose
        self._picks = spec.amount.picker(self._rng)
        self._held: list[tuple[int, int, Outgoing]] = []
        self._holds = 0

    @classmethod  # noqa: B027  # most have no detail, and are not asked
    def check_detail(cls, detail: str) -> None:
        """Raise ValueError, saying what would do, for a detail that cannot be understood."""

    @abstractmethod
    def change(self, frame: Outgoing) -> Iterable[Outgoing] | None:
        """What leaves instead of `frame`, at once; `hold` what leaves later. None: this frame does not lend itself
        to the fault, so the next one that does is changed in its place.
        """

    def inject(self, frame: Outgoing) -> list[Outgoing]:
        """What leaves when `frame` arrives: itself or what became of it, then what was held until now."""
        if not frame.sent:  # another fault has already taken it
            return [frame]
        self.seen += 1
        leaving = [frame]
        self._due += self._picks()
        if self._due and (changed := self.change(frame)) is not None:
            self._due -= 1
            self.changed += 1
            leaving = list(changed)
        while self._held and self._held[0][0] <= self.seen:
            leaving.append(arriving_with(frame, heapq.heappop(self._held)[2]))
        return leaving

    def heal(self) -> list[Outgoing]:
        """What is still held at the end of the stream, in the order in which it would have left."""
        leaving = [held for _, _, held in sorted(self._held, key=lambda entry: entry[:2])]
        self._held.clear()
        return leaving

    def hold(self, frame: Outgoing, frames: int) -> None:
        """Let `frame` leave after so many further frames; it is then received with the last of them."""
        self._holds += 1  # frames due together leave in the order in which they were held
        heapq.heappush(self._held, (self.seen + frames, self._holds, frame))

    def tagged(self, frame: Outgoing, *, owed: bool | None = None, sent: bool = True) -> Outgoing:
        """`frame` with this fault's name on it."""
        tags = (*frame.faults, self.name)
        is_owed = frame.owed if owed is None else owed
        return msgspec.structs.replace(frame, faults=tags, owed=is_owed, sent=sent)

    def check_effect(self) -> None:
        """Raise NoEffect if the fault did not do what was asked for."""
        if self.changed < self.spec.amount.least:
            raise NoEffect(
                f"fault {self.spec} changed {self.changed} of {self.seen} trade frames; "
                "use a longer capture, a larger amount or another seed"
            )


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """A fault as asked for: `duplicate=5%`, or with a detail `late=1%:30s`; '' is the fault's own default."""

    name: str
    amount: Amount
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.name}={self.amount}{':' if self.detail else ''}{self.detail}"


class FaultChain:
    """Several faults, each acting on what the one before it lets through."""

    def __init__(self, specs: Sequence[FaultSpec], seed: int) -> None:
        names = [spec.name for spec in specs]
        for name in names:
            if names.count(name) > 1:
                raise FaultError(f"fault {name!r} is given more than once; give one amount")
        self.faults = tuple(FAULTS[spec.name](spec, seed) for spec in specs)

    def inject(self, frame: Outgoing) -> list[Outgoing]:
        """What leaves for the topic when `frame` arrives."""
        return self._through(0, [frame])

    def heal(self) -> list[Outgoing]:
        """What all faults together still hold at the end of the stream."""
        leaving: list[Outgoing] = []
        for position, fault in enumerate(self.faults, 1):
            leaving += self._through(position, fault.heal())
        return leaving

    def check_effect(self) -> None:
        """Raise NoEffect if any fault did not do what was asked for."""
        for fault in self.faults:
            fault.check_effect()

    def _through(self, position: int, frames: list[Outgoing]) -> list[Outgoing]:
        for fault in self.faults[position:]:
            frames = [leaving for frame in frames for leaving in fault.inject(frame)]
        return frames


def parse_fault(text: str) -> FaultSpec:
    """Read `--fault`: NAME=AMOUNT or NAME=AMOUNT:DETAIL.

    The amount is a share of all trade frames (`5%`, `0.1%`) or a count (`3`), the detail the fault's own: how late
    in `late=1%:30s`.
    """
    name, _, rest = text.partition("=")
    amount, colon, detail = rest.partition(":")
    if name not in FAULTS and name not in TRANSPORT_NAMES:
        known = ", ".join((*FAULTS, *sorted(TRANSPORT_NAMES)))
        raise FaultError(f"fault {name!r} is not known; there are {known}")
    matched = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)%|([0-9]+)", amount)
    if matched is None:
        raise FaultError(f"fault {text!r}: give an amount, a share ({name}=5%) or a count ({name}=3)")
    if colon:
        _check_detail(text, name, amount, detail)
    if matched[1] is None:
        return FaultSpec(name, Count(_above_zero(text, int(matched[2]))), detail)
    share = _above_zero(text, Fraction(matched[1]) / 100)
    if share > 1:
        raise FaultError(f"fault {text!r}: a share is at most 100%")
    return FaultSpec(name, Share(share), detail)


def describe_faults() -> Mapping[str, str]:
    """Each fault's name and the first line of its module's docstring, for help texts."""
    modules = {name: inspect.getmodule(fault) for name, fault in FAULTS.items()}
    return {name: (inspect.getdoc(module) or "").partition("\n")[0] for name, module in modules.items()}


def _check_detail(text: str, name: str, amount: str, detail: str) -> None:
    fault = FAULTS.get(name)
    if fault is None or not fault.default_detail:
        raise FaultError(f"fault {text!r}: {name} is told by its amount alone; write {name}={amount}")
    try:
        fault.check_detail(detail)
    except ValueError as error:
        raise FaultError(f"fault {text!r}: {error}; e.g. {name}={amount}:{fault.default_detail}") from error


def _above_zero(text: str, amount: Number) -> Number:
    if amount <= 0:
        raise FaultError(f"fault {text!r} would change nothing; give an amount above 0, or leave it out")
    return amount


def arriving_with(frame: Outgoing, held: Outgoing) -> Outgoing:
    """A held frame as it leaves with `frame`: received no sooner than that one."""
    return msgspec.structs.replace(held, recv_ns=max(held.recv_ns, frame.recv_ns))


def _discover() -> Mapping[str, type[FrameFault]]:
    found: dict[str, type[FrameFault]] = {}
    modules = [module for module in pkgutil.iter_modules(__path__) if not module.ispkg]
    for module in sorted(modules, key=lambda module: module.name):
        fault: type[FrameFault] = importlib.import_module(f"{__name__}.{module.name}").FAULT
        if fault.name != module.name:
            raise ImportError(f"faults/{module.name}.py defines {fault.name!r}; name the file after it")
        found[module.name] = fault
    return MappingProxyType(found)


FAULTS: Mapping[str, type[FrameFault]] = _discover()
