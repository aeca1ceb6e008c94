"""A table that no longer deduplicates, or that adds up."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = (
    "A Replacing bronze under a plain MergeTree silver: redelivery doubled trades. And OHLC in a SummingMergeTree."
)

_OTHERS: Final = ("MergeTree", "SummingMergeTree")


def edits(statement: Statement) -> Iterator[Edit]:
    for position in statement.body:
        token = statement.tokens[position]
        if token.text.endswith("MergeTree") and token.depth == 0:
            has_arguments = statement.tokens[position + 1].text == "("
            engine = statement.call(position) if has_arguments else (position, position + 1)
            for other in _OTHERS:
                if other != token.text:
                    yield statement.replace(engine, other, f"{token.text} -> {other}")
