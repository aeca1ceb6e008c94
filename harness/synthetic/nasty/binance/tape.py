"""Writes Binance spot frames: times rise by 10 ms from 2026-02-03 04:05:06 UTC, ids by one."""

from collections import Counter

from harness.synthetic.nasty import object_text, quoted
from harness.synthetic.nasty.numbers import Pairs

START_MS = 1_770_091_506_000
START_NS = START_MS * 10**6

_FIRST_ID = 5_000_000_000

Fields = dict[str, str | None]


class Tape:
    """Gives trades their ids and times. Mutable: each trade asked for is the next of its symbol."""

    def __init__(self) -> None:
        self._trades: Counter[str] = Counter()

    def fields(self, symbol: str = "BTCUSDT", /, **changes: str | None) -> Fields:
        """Give the next trade as key -> JSON text, in the recorded order of keys; None leaves a field out."""
        time_ms = START_MS + self._trades.total() * 10
        fields: Fields = {
            "e": '"trade"',
            "E": str(time_ms + 1),
            "s": quoted(symbol),
            "t": str(_FIRST_ID + self._trades[symbol]),
            "p": '"61837.63000000"',
            "q": '"0.02000000"',
            "T": str(time_ms),
            "m": "true",
            "M": "true",
        }
        self._trades[symbol] += 1
        return fields | changes

    def raw(self, symbol: str = "BTCUSDT", /, **changes: str | None) -> str:
        """Give the next trade as a raw stream's frame."""
        return object_text(self.fields(symbol, **changes))

    def combined(self, symbol: str = "BTCUSDT", /, **changes: str | None) -> str:
        """Give the next trade as a combined stream's frame."""
        return enveloped(object_text(self.fields(symbol, **changes)), symbol)

    def pairs(self, values: Pairs) -> list[str]:
        """Give a combined and a raw trade for each (price, size)."""
        return [frame(p=quoted(price), q=quoted(size)) for price, size in values for frame in (self.combined, self.raw)]


def enveloped(data: str, symbol: str = "BTCUSDT") -> str:
    """Put a raw frame's text into the combined stream's envelope."""
    return f'{{"stream":"{symbol.lower()}@trade","data":{data}}}'
