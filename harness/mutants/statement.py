"""One SQL statement as tokens with brackets matched: what mutations are located by. Pure.

sqlglot's parser does not know every statement of a ClickHouse schema, and what it writes back is not always what it
read (`if` becomes `multiIf`); its tokenizer is exact. So a mutation is an edit of the original text between two tokens,
and the rest of the statement stays as it was written, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

import sqlglot

_OPENING: Final = {"(": ")", "[": "]", "{": "}"}
_HEAD: Final = re.compile(
    r"(?:CREATE(?: OR REPLACE)? (MATERIALIZED VIEW|VIEW|TABLE)|ALTER (TABLE)|DROP (TABLE|VIEW)|RENAME (TABLE))"
    r"(?: IF NOT EXISTS| IF EXISTS)? (?:\w+ [.] )?(\w+)",
    re.IGNORECASE,
)
CLAUSES: Final = frozenset(
    (
        *(
            "SELECT",
            "FROM",
            "WHERE",
            "GROUP BY",
            "HAVING",
            "ORDER BY",
            "LIMIT",
            "UNION ALL",
            "UNION",
            "SETTINGS",
            "WITH",
        ),
        *(
            "COMMENT",
            "ENGINE",
            "PARTITION BY",
            "PRIMARY KEY",
            "SAMPLE BY",
            "TTL",
            "PREWHERE",
            "QUALIFY",
            "FORMAT",
            "FINAL",
        ),
        *("ARRAY JOIN", "CROSS JOIN", "INNER JOIN", "LEFT JOIN", "JOIN", "CROSS", "INNER", "LEFT", "ARRAY"),
    )
)


class Token(NamedTuple):
    """`text` is sql[start:end]; `depth` the number of brackets around it (a bracket has the depth outside)."""

    text: str
    start: int
    end: int
    depth: int

    @property
    def word(self) -> str:
        """The text in upper case, runs of blanks as one."""
        return " ".join(self.text.upper().split())

    @property
    def is_name(self) -> bool:
        """A word: a name or a keyword."""
        return self.text[0].isalpha() or self.text[0] == "_"

    @property
    def is_number(self) -> bool:
        return self.text[0].isdigit()

    @property
    def is_string(self) -> bool:
        return self.text[0] == "'"


class Edit(NamedTuple):
    """Replace sql[start:end]; `what` says so in a few words that stay the same when the statement is formatted anew."""

    start: int
    end: int
    replacement: str
    what: str


Range = tuple[int, int]
"""Token positions [first, last + 1)."""


@dataclass(frozen=True)
class Statement:
    """`sql` is the text without its semicolon. `name` is the object it is about, '' where it names none."""

    sql: str

    def __reduce__(self) -> tuple[type[Statement], tuple[str]]:
        """What has been worked out is worked out again elsewhere; a match of a pattern cannot be sent there."""
        return Statement, (self.sql,)

    @cached_property
    def _head(self) -> re.Match[str] | None:
        return _HEAD.match(" ".join(token.text for token in self.tokens[:8]))

    @property
    def name(self) -> str:
        return self._head[5] if self._head else ""

    @property
    def kind(self) -> str:
        """`TABLE`, `VIEW`, `MATERIALIZED VIEW`; '' for anything but a CREATE."""
        return (self._head[1] or "").upper() if self._head else ""

    @cached_property
    def tokens(self) -> Sequence[Token]:
        """All tokens but comments and semicolons."""
        found: list[Token] = []
        depth = 0
        for token in sqlglot.tokenize(self.sql, read="clickhouse"):
            text = self.sql[token.start : token.end + 1]
            if text == ";":
                continue
            depth -= text in _OPENING.values()
            found.append(Token(text, token.start, token.end + 1, depth))
            depth += text in _OPENING
        return found

    @cached_property
    def partner(self) -> dict[int, int]:
        """Position of each bracket -> position of the one that closes or opens it."""
        found: dict[int, int] = {}
        stack: list[int] = []
        for position, token in enumerate(self.tokens):
            if token.text in _OPENING:
                stack.append(position)
            elif token.text in _OPENING.values() and stack:
                opened = stack.pop()
                found[opened], found[position] = position, opened
        return found

    def text(self, of: Range) -> str:
        """The text of some tokens, blanks between them included."""
        first, end = of
        return self.sql[self.tokens[first].start : self.tokens[end - 1].end] if end > first else ""

    def plain(self, of: Range) -> str:
        """Some tokens with one blank between them: the same however the statement is laid out."""
        return " ".join(token.text for token in self.tokens[slice(*of)])

    def replace(self, of: Range, by: str, what: str) -> Edit:
        first, end = of
        return Edit(self.tokens[first].start, self.tokens[end - 1].end, by, what)

    def edited(self, edit: Edit) -> str:
        return self.sql[: edit.start] + edit.replacement + self.sql[edit.end :]

    @cached_property
    def body(self) -> Sequence[int]:
        """Positions that carry meaning: neither the head up to the name, nor comments, nor settings of the storage."""
        silent: set[int] = set(range(self._head_length))
        for position, (token, after) in enumerate(pairwise(self.tokens)):
            if token.word == "COMMENT" and after.is_string:
                silent |= {position, position + 1}
            if token.word == "SETTINGS" and token.depth == 0:
                silent |= set(range(*self.clause(position)))
            if token.word in {"INDEX", "PROJECTION", "CONSTRAINT"} and token.depth == 1 and after.is_name:
                silent |= set(range(position, self._end_of_item(position)))
        return [position for position in range(len(self.tokens)) if position not in silent]

    @property
    def _head_length(self) -> int:
        return next((n + 1 for n, token in enumerate(self.tokens) if token.text == self.name), 0)

    def _end_of_item(self, position: int) -> int:
        depth = self.tokens[position].depth
        for later in range(position, len(self.tokens)):
            if self.tokens[later].depth < depth or (
                self.tokens[later].depth == depth and self.tokens[later].text == ","
            ):
                return later
        return len(self.tokens)

    def clause(self, position: int) -> Range:
        """From a keyword to the next one at its depth, or to the bracket around it."""
        depth = self.tokens[position].depth
        for later in range(position + 1, len(self.tokens)):
            token = self.tokens[later]
            if token.depth < depth or (token.depth == depth and token.word in CLAUSES):
                return position, later
        return position, len(self.tokens)

    def clauses(self, keyword: str) -> Iterator[Range]:
        """All clauses that begin with a keyword; the range includes it."""
        for position in self.body:
            if self.tokens[position].word == keyword:
                yield self.clause(position)

    def calls(self, *names: str) -> Iterator[tuple[int, list[Range]]]:
        """Calls of these functions (any, if none is named): position of the name, and the arguments."""
        for position in self.body:
            token = self.tokens[position]
            is_call = token.is_name and position + 1 < len(self.tokens) and self.tokens[position + 1].text == "("
            if is_call and (token.text in names if names else token.word not in CLAUSES):
                yield position, self.arguments(position + 1)

    def call(self, position: int) -> Range:
        """The whole call whose name is here."""
        return position, self.partner[position + 1] + 1

    def arguments(self, opening: int) -> list[Range]:
        """What stands between a bracket and its partner, split at commas."""
        closing = self.partner.get(opening, len(self.tokens))
        return self.split((opening + 1, closing), ",") if closing > opening + 1 else []

    def split(self, of: Range, *separators: str) -> list[Range]:
        """A range, split at separators that stand in no further bracket. The AND of BETWEEN is none."""
        first, end = of
        depth = self.tokens[first].depth
        cuts = [first - 1]
        is_between = False
        for position in range(first, end):
            token = self.tokens[position]
            if token.depth != depth:
                continue
            if token.word == "BETWEEN":
                is_between = True
            elif token.word == "AND" and is_between:
                is_between = False
            elif token.word in separators:
                cuts.append(position)
        return [(one + 1, other) for one, other in pairwise([*cuts, end])]

    def items(self) -> Iterator[tuple[str, Range]]:
        """Items of every SELECT and WITH that have an alias: its name and the expression before AS."""
        for keyword in ("SELECT", "WITH"):
            for first, end in self.clauses(keyword):
                for item in self.split((first + 1, end), ","):
                    if item[1] - item[0] > 2 and self.tokens[item[1] - 2].word == "AS":
                        yield self.tokens[item[1] - 1].text, (item[0], item[1] - 2)

    def columns(self) -> Iterator[tuple[str, Range]]:
        """Columns of a CREATE TABLE: the name, and all that follows it without the comment."""
        opening = next((n for n, token in enumerate(self.tokens) if token.text == "("), None)
        if self.kind != "TABLE" or opening is None:
            return
        for first, end in self.arguments(opening):
            if self.tokens[first].word in {"INDEX", "PROJECTION", "CONSTRAINT"}:
                continue
            stop = next((n for n in range(first, end) if self.tokens[n].word == "COMMENT"), end)
            if stop > first + 1:
                yield self.tokens[first].text, (first + 1, stop)
