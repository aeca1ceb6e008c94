"""One column of a GROUP BY left out, and selected from any row, for otherwise the engine would refuse it."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Range, Statement

WHY: Final = "Two exchanges' trades in one candle, since only symbol and time were grouped by."


def edits(statement: Statement) -> Iterator[Edit]:
    for first, end in statement.clauses("GROUP BY"):
        columns = statement.split((first + 1, end), ",")
        for number, column in enumerate(columns):
            kept = [statement.text(each) for place, each in enumerate(columns) if place != number]
            clause = f"GROUP BY {', '.join(kept)}" if kept else ""
            what = f"GROUP BY without {statement.plain(column)}"
            yield _with_any(statement, (first, end), statement.text(column), clause, what)


def _with_any(statement: Statement, group_by: Range, name: str, clause: str, what: str) -> Edit:
    for item in _selected(statement, group_by[0]):
        expression = _expression(statement, item, name)
        if expression is not None:
            between = statement.sql[statement.tokens[item[1] - 1].end : statement.tokens[group_by[0]].start]
            by = f"any({statement.text(expression)}) AS {name}{between}{clause}"
            return statement.replace((item[0], group_by[1]), by, what)
    return statement.replace(group_by, clause, what)


def _selected(statement: Statement, group_by: int) -> list[Range]:
    """What the SELECT selects that a GROUP BY belongs to."""
    depth = statement.tokens[group_by].depth
    for position in range(group_by - 1, -1, -1):
        token = statement.tokens[position]
        if token.depth < depth:
            break
        if token.depth == depth and token.word == "SELECT":
            return statement.split((position + 1, statement.clause(position)[1]), ",")
    return []


def _expression(statement: Statement, item: Range, name: str) -> Range | None:
    first, end = item
    if statement.text(item) == name:
        return item
    is_named = end - first > 2 and statement.tokens[end - 2].word == "AS" and statement.tokens[end - 1].text == name
    return (first, end - 2) if is_named else None
