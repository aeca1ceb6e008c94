"""Frames that break pipelines, written by hand, in named sections.

Every well-formed trade in a tape has an identity of its own unless its section says that it resends, so that
one section's outcome does not depend on another's.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

TapeT = TypeVar("TapeT")


@dataclass(frozen=True, slots=True)
class Section:
    """Frames of one kind of nastiness: a name, a sentence on what they hold, and the frames' exact texts."""

    name: str
    what: str
    frames: tuple[str, ...]


def written(tape: TapeT, makers: Iterable[Callable[[TapeT], Iterable[str]]]) -> list[Section]:
    """Let each maker write its section; its name and its docstring become the section's."""
    return [Section(make.__name__, (make.__doc__ or "").strip(), tuple(make(tape))) for make in makers]


def object_text(fields: Mapping[str, str | None]) -> str:
    """Write a JSON object without spaces from key names and the values' JSON texts; None leaves one out."""
    return "{" + ",".join(f'"{key}":{value}' for key, value in fields.items() if value is not None) + "}"


def array_text(items: Iterable[str]) -> str:
    """Write a JSON array without spaces from its items' JSON texts."""
    return "[" + ",".join(items) + "]"


def quoted(text: str) -> str:
    """Put quotes around a text that needs no escapes, or holds the ones it is to be sent with."""
    return f'"{text}"'


def renamed(fields: Mapping[str, str | None], old: str, new: str) -> dict[str, str | None]:
    """Give the fields with one key renamed in its place."""
    return {new if key == old else key: value for key, value in fields.items()}
