"""ClickHouse SQL as tokens: just enough to tell where words, quotes and brackets are. Pure.

Works on bytes, because string literals may hold bytes that are not UTF-8, and because an INSERT's data
follows its statement in the same stream. Quotes and comments are those of ClickHouse's Lexer.cpp (2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

_TOKEN = re.compile(
    rb"""
      (?P<BLANK>   (?: [\s\x00]++ | --[^\n]*+ | \#[ !][^\n]*+ | /\*.*?\*/ )++ )
    | (?P<WORD>    [A-Za-z_][A-Za-z0-9_]*+ )
    | (?P<STRING>  '(?: [^'\\]++ | \\. | '' )*+' | \$(?P<tag>\w*+)\$ .*? \$(?P=tag)\$ )
    | (?P<NAME>    `(?: [^`\\]++ | \\. | `` )*+` | "(?: [^"\\]++ | \\. | "" )*+" )
    | (?P<NUMBER>  [0-9][A-Za-z0-9_]*+ )
    | (?P<OPEN>    [(\[{] )
    | (?P<CLOSE>   [)\]}] )
    | (?P<SEMICOLON> ; )
    | (?P<UNCLOSED> ['"`] | /\* )
    | (?P<OTHER>   . )
    """,
    re.VERBOSE | re.DOTALL,
)


class Kind(Enum):
    BLANK = "BLANK"
    WORD = "WORD"
    STRING = "STRING"
    NAME = "NAME"
    NUMBER = "NUMBER"
    OPEN = "OPEN"
    CLOSE = "CLOSE"
    SEMICOLON = "SEMICOLON"
    OTHER = "OTHER"
    UNCLOSED = "UNCLOSED"


class Token(NamedTuple):
    """`depth` is the number of brackets around it; a bracket itself has the depth outside."""

    kind: Kind
    text: bytes
    start: int
    end: int
    depth: int

    def says(self, *words: bytes) -> bool:
        """Whether it is one of these keywords (given in upper case)."""
        return self.kind is Kind.WORD and self.text.upper() in words


_KINDS = {kind.value: kind for kind in Kind} | {"tag": Kind.STRING}


def tokens(sql: bytes) -> Iterator[Token]:
    """Every token but blanks and comments. After an UNCLOSED quote or comment there is none."""
    depth, start = 0, 0
    while found := _TOKEN.match(sql, start):
        kind = _KINDS[found.lastgroup or ""]
        depth -= kind is Kind.CLOSE and depth > 0
        if kind is not Kind.BLANK:
            yield Token(kind, found.group(), start, found.end(), depth)
        if kind is Kind.UNCLOSED:
            return
        depth += kind is Kind.OPEN
        start = found.end()
