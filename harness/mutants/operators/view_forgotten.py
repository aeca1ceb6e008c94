"""A materialized view that was not created."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = "A table rebuilt by hand in the night, and its view not: everything was there, and nothing flowed."


def edits(statement: Statement) -> Iterator[Edit]:
    if statement.kind == "MATERIALIZED VIEW":
        yield Edit(0, len(statement.sql), "", f"without {statement.name}")
