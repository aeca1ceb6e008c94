"""A window of another length."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.places import around
from harness.mutants.statement import Edit, Statement

WHY: Final = "ohlcv_15m made by copying ohlcv_5m: the name was changed, the interval was not."

_FUNCTIONS: Final = {
    "toStartOfSecond": "toStartOfMinute",
    "toStartOfMinute": "toStartOfHour",
    "toStartOfFiveMinutes": "toStartOfTenMinutes",
    "toStartOfFifteenMinutes": "toStartOfHour",
    "toStartOfHour": "toStartOfDay",
    "toStartOfDay": "toStartOfHour",
}


def edits(statement: Statement) -> Iterator[Edit]:
    for position, _ in statement.calls(*_FUNCTIONS):
        name = statement.tokens[position].text
        what = f"{statement.plain(statement.call(position))} -> {_FUNCTIONS[name]}"
        yield statement.replace((position, position + 1), _FUNCTIONS[name], what)
    for position in statement.body:
        token = statement.tokens[position]
        if token.word == "INTERVAL" and token.depth:
            count = statement.tokens[position + 1].text
            other = str(int(count) * 2) if count.isdigit() else f"({count}) * 2"
            yield statement.replace(
                (position + 1, position + 2), other, f"{around(statement, position + 1)} -> {other}"
            )
