"""No time to live, a shorter one, or one that counts from another time."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = "TTL by the trade's own time: a replayed month was deleted while it was being written."

_OWN_TIME: Final = ("timestamp", "window_start", "received_at")


def edits(statement: Statement) -> Iterator[Edit]:
    for first, end in statement.clauses("TTL"):
        yield statement.replace((first, end), "", "without TTL")
        clause = statement.text((first, end))
        columns = {name for name, _ in statement.columns()}
        own = next((name for name in _OWN_TIME if name in columns), None)
        counted = next((t.text for t in statement.tokens[first:end] if t.text in columns), None)
        if own and counted and own != counted:
            yield statement.replace((first, end), clause.replace(counted, own), f"TTL from {own}")
        for position in range(first, end):
            if statement.tokens[position].word in {"YEAR", "MONTH", "DAY"}:
                yield statement.replace(
                    (position, position + 1), "HOUR", f"TTL {statement.tokens[position].word} -> HOUR"
                )
