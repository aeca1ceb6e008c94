"""What is struck, how, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.scenario import ScenarioError

VICTIMS: Final = ("warehouse", "broker", "feed")
DURABLE_STACKS: Final = ("kafka", "docker")
FOREIGN_STACKS: Final = ("external",)


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table: `fault` is of harness.faults.process, `victim` broker, warehouse or feed."""

    fault: str
    victim: str
    times: int

    @property
    def name(self) -> str:
        """As --case takes it."""
        return f"{self.fault}-{self.victim}"


CASES: Final = (
    Case("kill", "warehouse", 50),
    Case("kill", "broker", 10),
    Case("kill", "feed", 5),
    Case("pause", "warehouse", 2),
    Case("pause", "broker", 2),
    Case("pause", "feed", 2),
)


def choose_cases(stack: str, wanted: Sequence[str]) -> list[Case]:
    """The cases that `NAME` or `NAME=TIMES` ask for, or all that the stack can bear.

    Raises ScenarioError for an unknown one, for the broker of a stack that keeps it in memory, and for what is not ours
    to strike.
    """
    if not wanted:
        return [case for case in CASES if _is_borne(stack, case)]
    cases = [_parsed(text) for text in wanted]
    for case in cases:
        if stack in FOREIGN_STACKS and not _is_borne(stack, case):
            raise ScenarioError(
                f"case {case.name}: the {case.victim} of an {stack} stack is somebody else's; strike the feed "
                f"handlers, which are ours, or use --stack {DURABLE_STACKS[0]}"
            )
        if not _is_borne(stack, case):
            raise ScenarioError(
                f"case {case.name}: the broker of the {stack} stack keeps nothing, so all would be lost with it; "
                f"use --stack {DURABLE_STACKS[0]}"
            )
    return cases


def _is_borne(stack: str, case: Case) -> bool:
    if stack in FOREIGN_STACKS:
        return case.victim == "feed"
    return case.victim != "broker" or stack in DURABLE_STACKS


def _parsed(text: str) -> Case:
    name, _, times = text.partition("=")
    known = {case.name: case for case in CASES}
    if name not in known:
        raise ScenarioError(f"no case {name!r}; there are {', '.join(known)}")
    if not times:
        return known[name]
    if not times.isdecimal() or int(times) < 1:
        raise ScenarioError(f"case {text!r}: {times!r} is no number of times; write {name}=10")
    return replace(known[name], times=int(times))
