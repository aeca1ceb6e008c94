"""A random id for what has an identity of its own."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = "generateUUIDv4() as message_id: a redelivered trade got a new identity, and was counted again."


def edits(statement: Statement) -> Iterator[Edit]:
    for alias, expression in statement.items():
        if alias.endswith("_id"):
            value = "generateUUIDv4()" if alias == "message_id" else "toString(generateUUIDv4())"
            yield statement.replace(expression, value, f"{alias}: {statement.plain(expression)} -> random")
