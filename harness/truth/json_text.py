"""JSON as RFC 8259 has it, read without recursion and with every number kept as its text.

    >>> read_json(b'{"price": 84095.70, "price": 1}')
    {'price': '84095.70'}

This is the slow and exact way, for frames that the exchanges' fast decoders doubt or refuse. Strict: UTF-8, no NaN, no
control character in a string, nothing after the value. Where RFC 8259 leaves a parser the choice, docs/meaning.md makes
it:

- of equal names in one object the first counts (section 4)
- containers that hold something nest at most DEPTH_LIMIT deep (section 9)
- an escape that is half of a surrogate pair is refused, for UTF-8 cannot hold it (sections 8.2 and 9)
- a byte order mark before the text is ignored (section 8.1)

Numbers have no limit of size or precision: their text is what the pipeline has to carry.
"""

from __future__ import annotations

import json
import re
from typing import Final, TypeAlias

DEPTH_LIMIT: Final = 1023

_TOKEN: Final = re.compile(
    r"[ \t\n\r]*(?:"
    r'(?P<string>"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*")'
    r"|(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<literal>true|false|null)"
    r"|(?P<sign>[\[\]{}:,])"
    r"|(?P<end>\Z))"
)
_LITERALS: Final = {"true": True, "false": False, "null": None}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_INTEGER: Final = re.compile("-?[0-9]{1,20}")


class NotJson(ValueError):  # noqa: N818  # it says what the text is
    """The bytes are no JSON text."""


class Number(str):
    """A JSON number as it was written; a JSON string is a plain str."""

    __slots__ = ()


Json: TypeAlias = "dict[str, Json] | list[Json] | str | bool | None"
"""What a text means; a number is a Number."""


def read_json(frame: bytes) -> Json:
    """The value of a JSON text; raises NotJson."""
    reader = _Reader(_decoded(frame))
    kind, token = reader.next()
    while reader.take(kind, token):
        kind, token = reader.next()
    if kind != "end" or not reader.is_complete:
        raise NotJson(f"{token!r} before character {reader.position} belongs to no JSON text")
    return reader.root[0]


def integer(value: Json, lowest: int, highest: int) -> int | None:
    """`value` if it is a number that is written as an integer and within the limits, else None."""
    if not isinstance(value, Number) or not _INTEGER.fullmatch(value):
        return None
    return number if lowest <= (number := int(value)) <= highest else None


def is_text(value: Json) -> bool:
    """True if `value` is a JSON string."""
    return isinstance(value, str) and not isinstance(value, Number)


def text_or_empty(value: Json) -> str:
    """`value` if it is a JSON string, else ''."""
    return value if isinstance(value, str) and not isinstance(value, Number) else ""


class _Reader:
    """Builds the value from tokens. `_due` says what may come next: the names of _Reader's states."""

    def __init__(self, text: str) -> None:
        self.root: list[Json] = []
        self.position = 0
        self._text = text
        self._open: list[dict[str, Json] | list[Json]] = []
        self._names: list[str] = []  # one for each open container; of use in objects only
        self._current: dict[str, Json] | list[Json] = self.root
        self._due = "value"

    @property
    def is_complete(self) -> bool:
        return self._due == "after" and not self._open

    def next(self) -> tuple[str, str]:
        """Kind and text of the next token."""
        match = _TOKEN.match(self._text, self.position)
        if match is None or match.lastgroup is None:
            raise NotJson(f"{self._text[self.position : self.position + 20]!r} begins no JSON token")
        self.position = match.end()
        return match.lastgroup, match[match.lastgroup]

    def take(self, kind: str, token: str) -> bool:
        """Use a token; False if it may not come here."""
        if kind == "sign":
            return self._take_sign(token)
        if self._due in ("name", "name or end"):
            if kind != "string":
                return False
            self._names[-1] = _unquoted(token)
            self._due = "colon"
            return True
        if kind == "end" or self._due not in ("value", "value or end"):
            return False
        self._add(_unquoted(token) if kind == "string" else Number(token) if kind == "number" else _LITERALS[token])
        self._due = "after"
        return True

    def _take_sign(self, sign: str) -> bool:
        if sign in "[{":
            return self._due in ("value", "value or end") and self._enter([] if sign == "[" else {})
        is_object = isinstance(self._current, dict)
        if sign in "]}":
            return is_object == (sign == "}") and self._leave()
        if sign == ":":
            due, self._due = self._due, "value"
            return due == "colon"
        due, self._due = self._due, "name" if is_object else "value"
        return due == "after" and bool(self._open)

    def _enter(self, container: dict[str, Json] | list[Json]) -> bool:
        self._add(container)
        self._open.append(self._current)
        self._names.append("")
        self._current = container
        self._due = "name or end" if isinstance(container, dict) else "value or end"
        return True

    def _leave(self) -> bool:
        if not self._open or self._due not in ("after", "name or end", "value or end"):
            return False
        self._current = self._open.pop()
        self._names.pop()
        self._due = "after"
        return True

    def _add(self, value: Json) -> None:
        if len(self._open) > DEPTH_LIMIT:
            raise NotJson(f"nested deeper than {DEPTH_LIMIT}")
        if isinstance(self._current, dict):
            self._current.setdefault(self._names[-1], value)
        else:
            self._current.append(value)


def _decoded(frame: bytes) -> str:
    try:
        return frame.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise NotJson("not UTF-8") from error


def _unquoted(token: str) -> str:
    if "\\" not in token:
        return token[1:-1]
    text: str = json.loads(token)
    if _SURROGATE.search(text):
        raise NotJson(f"{token[:40]}: half of a surrogate pair")
    return text
