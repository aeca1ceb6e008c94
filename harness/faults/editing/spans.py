"""JSON text with the place of every value in it, so that one value can be changed and every other byte stays."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from harness.synthetic.fields import EACH, Step, Way

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_SCALAR: Final = re.compile(
    r'"(?:[^"\\\x00-\x1f]|\\.)*"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null'
)


@dataclass(frozen=True, slots=True)
class Span:
    """A value from `start` to `end` in the text, and the members of an object or array in order.

    `opening` is the bracket of an object or array, '' for any other value. `key_start` and `key_end` are where the
    value's own key stands, in quotes; -1 where it has none.
    """

    start: int
    end: int
    key: str = ""
    key_start: int = -1
    key_end: int = -1
    opening: str = ""
    members: tuple[Span, ...] = ()

    def step(self, step: str | int) -> Span | None:
        """The member of that name or at that place."""
        if isinstance(step, str):
            named = self.members if self.opening == "{" else ()
            return next((member for member in named if member.key == step), None)
        is_there = self.opening == "[" and -len(self.members) <= step < len(self.members)
        return self.members[step] if is_there else None

    def follow(self, way: Way) -> Iterator[Span]:
        """Every value that a way leads to; none where a step is missing."""
        if not way:
            yield self
            return
        for member in self._taken(way[0]):
            yield from member.follow(way[1:])

    def _taken(self, step: Step) -> tuple[Span, ...]:
        if step is EACH:
            return self.members if self.opening == "[" else ()
        found = self.step(step) if isinstance(step, (str, int)) else None
        return () if found is None else (found,)


def spans(text: str) -> Span:
    """The values of a JSON text. Raises ValueError when it is none."""
    start = _after_space(text, 0)
    found = _value(text, start)
    if _after_space(text, found.end) != len(text):
        raise ValueError(f"{text[found.end : found.end + 20]!r} stands after the end")
    return found


def _value(text: str, start: int, key: str = "", key_start: int = -1, key_end: int = -1) -> Span:
    opening = text[start : start + 1]
    if opening in ("{", "["):
        members, end = _members(text, start + 1, "}" if opening == "{" else "]")
        return Span(start, end, key, key_start, key_end, opening, tuple(members))
    matched = _SCALAR.match(text, start)
    if matched is None:
        raise ValueError(f"no JSON value at {text[start : start + 20]!r}")
    return Span(start, matched.end(), key, key_start, key_end)


def _members(text: str, at: int, closing: str) -> tuple[list[Span], int]:
    """Members up to the closing bracket, and the place after it."""
    members: list[Span] = []
    at = _after_space(text, at)
    if text.startswith(closing, at):
        return members, at + 1
    while True:
        members.append(_named(text, at) if closing == "}" else _value(text, at))
        at = _after_space(text, members[-1].end)
        if text.startswith(closing, at):
            return members, at + 1
        at = _after_space(text, _past(text, at, ","))


def _named(text: str, at: int) -> Span:
    matched = _SCALAR.match(text, at)
    if matched is None or not matched[0].startswith('"'):
        raise ValueError(f"no name of a member at {text[at : at + 20]!r}")
    value_at = _after_space(text, _past(text, _after_space(text, matched.end()), ":"))
    return _value(text, value_at, str(json.loads(matched[0])), at, matched.end())


def _past(text: str, at: int, mark: str) -> int:
    if not text.startswith(mark, at):
        raise ValueError(f"no {mark!r} at {text[at : at + 20]!r}")
    return at + 1


def _after_space(text: str, at: int) -> int:
    matched = _SPACE.match(text, at)
    return matched.end() if matched else at
