"""A trade is of a market that nobody has heard of.

It stands for a listing overnight. The trade is in silver under that symbol: where the symbol does not tell its
quote currency, as invalid with `symbol_unknown` and in no candle; where it does, valid, with candles of its own.
"""

from __future__ import annotations

import re

from harness.faults.editing import ValueFault
from harness.synthetic.fields import Role


class UnknownSymbol(ValueFault):
    """Writes Q for every letter and digit of a symbol."""

    name = "unknown_symbol"
    roles = (Role.SYMBOL,)

    def changed_text(self, text: str) -> str | None:
        return re.sub("[A-Za-z0-9]", "Q", text)


FAULT = UnknownSymbol
