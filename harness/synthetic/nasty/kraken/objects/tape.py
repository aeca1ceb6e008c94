"""Writes Kraken WebSocket v2 frames: times rise by 10 ms from 2026-02-03 04:05:06 UTC, ids by one."""

from collections import Counter

from harness.synthetic.exchanges.kraken import rfc3339
from harness.synthetic.nasty import array_text, object_text, quoted
from harness.synthetic.nasty.numbers import Pairs

START_NS = 1_770_091_506 * 10**9

_FIRST_ID = 70_000_000

Fields = dict[str, str | None]


class Tape:
    """Gives trades their ids and times. Mutable: each trade asked for is the next of its symbol."""

    def __init__(self) -> None:
        self._trades: Counter[str] = Counter()

    def fields(self, symbol: str = "BTC/USD", /, **changes: str | None) -> Fields:
        """Give the next trade as key -> JSON text, in the recorded order of keys; None leaves one out."""
        fields: Fields = {
            "symbol": quoted(symbol),
            "side": '"sell"',
            "price": "84095.7",
            "qty": "0.00275723",
            "ord_type": '"limit"',
            "trade_id": str(_FIRST_ID + self._trades[symbol]),
            "timestamp": quoted(rfc3339(START_NS + self._trades.total() * 10**7 + 157_776_000)),
        }
        self._trades[symbol] += 1
        return fields | changes

    def trade(self, symbol: str = "BTC/USD", /, **changes: str | None) -> str:
        """Give the next trade as an element of `data`."""
        return object_text(self.fields(symbol, **changes))

    def frame(self, symbol: str = "BTC/USD", /, **changes: str | None) -> str:
        """Give the next trade as an update frame of its own."""
        return update(self.trade(symbol, **changes))

    def pairs(self, values: Pairs) -> list[str]:
        """Give a frame for each (price, size), and all of them once more in one frame."""
        single = [self.frame(price=price, qty=qty) for price, qty in values]
        return [*single, update(*(self.trade("ETH/USD", price=price, qty=qty) for price, qty in values))]


KEYS = tuple(Tape().fields())


def update(*trades: str, kind: str = "update") -> str:
    """Put elements of `data` into a trade frame."""
    return f'{{"channel":"trade","type":"{kind}","data":{array_text(trades)}}}'
