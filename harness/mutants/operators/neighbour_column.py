"""The column that is easily taken for this one."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.places import around
from harness.mutants.statement import CLAUSES, Edit, Statement

WHY: Final = "Price and quantity, or buyer and seller, mixed up in a list of twenty columns."

_PAIRS: Final = (
    ("price", "quantity"),
    ("open_price", "close_price"),
    ("high_price", "low_price"),
    ("open_time", "close_time"),
    ("volume", "quote_volume"),
    ("base", "quote"),
    ("_partition", "_offset"),
    ("source_offset", "source_index"),
    ("exact_price", "exact_quantity"),
    ("base_sent", "quote_sent"),
    ("timestamp", "received_at"),
    ("trade_time", "event_time"),
    ("symbol", "canonical_symbol"),
)
_OTHER: Final = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}


def edits(statement: Statement) -> Iterator[Edit]:
    for alias, (first, end) in statement.items():
        for position in range(first, end):
            token, after = statement.tokens[position], statement.tokens[position + 1]
            # In `Tuple(price Decimal(..))` a name is followed by its type: only the names of a value are of interest.
            if token.text in _OTHER and (not after.is_name or after.word in CLAUSES | {"AS", "AND", "OR", "IN", "IS"}):
                other = _OTHER[token.text]
                yield statement.replace(
                    (position, position + 1), other, f"{alias}: {around(statement, position)} -> {other}"
                )
