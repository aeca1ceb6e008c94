"""Places in a statement that several operators look for. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import CLAUSES, Range, Statement

_PATTERN_FUNCTIONS: Final = frozenset(
    ("match", "extract", "extractAll", "extractGroups", "replaceRegexpAll", "replaceRegexpOne", "extractAllGroups")
)
_ENDS: Final = (CLAUSES - {"SELECT"}) | {"AS", ",", "BY", "->"}


def around(statement: Statement, position: int, before: int = 2, after: int = 2) -> str:
    """A token with its neighbours: enough to tell it from others of its kind, and short."""
    return statement.plain((max(position - before, 0), min(position + after + 1, len(statement.tokens))))


def chains(statement: Statement, *words: str) -> Iterator[list[Range]]:
    """Operands joined by AND or OR at one depth: those of each chain, in order."""
    seen: set[int] = set()
    body = set(statement.body)
    for position in statement.body:
        if position not in seen and statement.tokens[position].word in words:
            whole = _operation_around(statement, position)
            parts = [part for part in statement.split(whole, *words) if part[1] > part[0]]
            seen |= set(range(*whole)) & {
                p for p in body if statement.tokens[p].depth == statement.tokens[position].depth
            }
            if len(parts) > 1:
                yield parts


def _operation_around(statement: Statement, position: int) -> Range:
    depth = statement.tokens[position].depth
    first = position
    while first > 0 and not _ends(statement, first - 1, depth):
        first -= 1
    end = position
    while end < len(statement.tokens) and not _ends(statement, end, depth):
        end += 1
    return first, end


def _ends(statement: Statement, position: int, depth: int) -> bool:
    token = statement.tokens[position]
    if token.depth < depth:
        return True
    return token.depth == depth and (token.word in _ENDS or token.text in {",", "->"})


def sorting_keys(statement: Statement) -> Iterator[list[Range]]:
    """Columns of the ORDER BY of a table with more than one."""
    if statement.kind != "TABLE":
        return
    for first, end in statement.clauses("ORDER BY"):
        if statement.tokens[first].depth == 0 and statement.tokens[first + 1].text == "(":
            columns = statement.arguments(first + 1)
            if len(columns) > 1 and statement.partner[first + 1] < end:
                yield columns


def unions(statement: Statement) -> Iterator[list[Range]]:
    """Branches of each UNION ALL."""
    seen: set[int] = set()
    for position in statement.body:
        if statement.tokens[position].word == "UNION" and position not in seen:
            first, end = _query_around(statement, position)
            depth = statement.tokens[position].depth
            words = [(n, token.word) for n, token in enumerate(statement.tokens[:end]) if token.depth == depth]
            joints = [n for n, word in words if n > first and word == "UNION"]
            seen.update(joints)
            yield list(zip([first, *(joint + 2 for joint in joints)], [*joints, end], strict=True))


def _query_around(statement: Statement, position: int) -> Range:
    """From the bracket, or the AS of a view, to the bracket or the end."""
    depth = statement.tokens[position].depth
    first = position
    while statement.tokens[first - 1].depth >= depth and not _begins_a_view(statement, first):
        first -= 1
    end = position
    while end < len(statement.tokens) and statement.tokens[end].depth >= depth:
        end += 1
    return first, end


def _begins_a_view(statement: Statement, position: int) -> bool:
    return statement.tokens[position].word in {"SELECT", "WITH"} and statement.tokens[position - 1].word == "AS"


def called(statement: Statement, position: int) -> str:
    """The function or type whose brackets are the innermost around a token; '' where none are."""
    for opening in range(position - 1, 0, -1):
        if statement.tokens[opening].text == "(" and statement.partner.get(opening, 0) > position:
            return statement.tokens[opening - 1].text
    return ""


def is_pattern(statement: Statement, position: int) -> bool:
    """Whether a text is a regular expression: an argument of a function that takes one, or it looks like one."""
    text = statement.tokens[position].text
    if text.startswith("'^") or text.endswith("$'") or "[0-9]" in text:
        return True
    return called(statement, position) in _PATTERN_FUNCTIONS
