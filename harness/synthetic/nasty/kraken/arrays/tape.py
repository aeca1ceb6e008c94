"""Writes Kraken WebSocket v1 frames: times rise by 10 ms from 2026-02-03 04:06:06 UTC, volumes by a lot."""

from itertools import count

from harness.synthetic.nasty import array_text, quoted
from harness.synthetic.nasty.numbers import Pairs

START_NS = 1_770_091_566 * 10**9

KEYS = ("price", "volume", "time", "side", "type", "misc")

Fields = dict[str, str | None]


class Tape:
    """Gives trades their times. Mutable: each is 10 ms and one lot beyond the one before."""

    def __init__(self) -> None:
        self._numbers = count()

    def trade(self, **changes: str | None) -> str:
        """Give the next trade as an array; changes are JSON texts by documented name, None leaves one out."""
        number = next(self._numbers)
        seconds, hundredths = divmod(START_NS // 10**7 + number, 100)
        fields: Fields = {
            "price": '"57126.70000"',
            "volume": f'"0.02{number:06d}"',
            "time": f'"{seconds}.{hundredths:02d}8557"',
            "side": '"s"',
            "type": '"l"',
            "misc": '""',
        }
        fields |= changes
        return array_text(text for text in fields.values() if text is not None)

    def frame(self, pair: str = "XBT/USD", /, **changes: str | None) -> str:
        """Give the next trade as a frame of its own."""
        return update(self.trade(**changes), pair=pair)

    def pairs(self, values: Pairs) -> list[str]:
        """Give a frame for each (price, volume), and all of them once more in one frame."""
        single = [self.frame(price=quoted(price), volume=quoted(volume)) for price, volume in values]
        again = (self.trade(price=quoted(price), volume=quoted(volume)) for price, volume in values)
        return [*single, update(*again, pair="ETH/XBT")]


def update(*trades: str, pair: str = "XBT/USD", channel: str = "321") -> str:
    """Put trades into a frame of the trade channel."""
    return f'[{channel},{array_text(trades)},"trade","{pair}"]'
