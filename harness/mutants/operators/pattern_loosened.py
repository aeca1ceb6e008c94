"""A pattern without the anchor at its beginning or its end, or that ends lazily."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.places import is_pattern
from harness.mutants.statement import Edit, Statement

WHY: Final = "A pattern that matched inside a longer text: `XBT//USD` passed for a pair, and 2026-02-30 for a day."


def edits(statement: Statement) -> Iterator[Edit]:
    for position in statement.body:
        token = statement.tokens[position]
        if not token.is_string or not is_pattern(statement, position):
            continue
        for old, new, what in (("'^", "'", "^"), ("$'", "'", "$")):
            loose = _replaced_at_edge(token.text, old, new)
            if loose != token.text:
                yield statement.replace((position, position + 1), loose, f"{token.text} without {what}")
        for old, new in (("+?", "+"), ("[1-9]", "[0-9]"), ("?)", ")")):
            if old in token.text:
                at = token.text.index(old)
                loose = token.text[:at] + new + token.text[at + len(old) :]
                yield statement.replace((position, position + 1), loose, f"{token.text}: {old} -> {new}")


def _replaced_at_edge(text: str, old: str, new: str) -> str:
    if old.startswith("'"):
        return new + text.removeprefix(old) if text.startswith(old) else text
    return text.removesuffix(old) + new if text.endswith(old) and not text.endswith("\\" + old) else text
