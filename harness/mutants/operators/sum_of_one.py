"""sum and count that see one row."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = "A candle overwritten by that of its last batch: volumes of one part stand for those of the whole window."


def edits(statement: Statement) -> Iterator[Edit]:
    for position, arguments in statement.calls("sum", "count"):
        name = statement.tokens[position].text
        of = statement.text(arguments[0]) if arguments else ""
        other = f"any({of})" if of else "toUInt64(1)"
        yield statement.replace(statement.call(position), other, f"{name}({of}) -> {other}")
