"""What is traded: an instrument's grids, its usual price and the smallest size that is traded."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Instrument:
    """One market of one exchange: a tick is 10**-price_decimals, a lot is 10**-size_decimals."""

    symbol: str
    base: str
    quote: str
    price_decimals: int
    size_decimals: int
    usual_price_ticks: int
    smallest_size_lots: int


def instrument(pair: str, price: str, smallest_size: str, separator: str = "/") -> Instrument:
    """Build an instrument of base/quote from a usual price and a smallest size whose written decimals are the
    grids.

    >>> instrument("BTC/USDT", "84106.10", "0.00007", separator="")
    Instrument(symbol='BTCUSDT', base='BTC', quote='USDT', price_decimals=2, size_decimals=5, \
usual_price_ticks=8410610, smallest_size_lots=7)
    """
    base, quote = pair.split("/")
    price_ticks, price_decimals = _on_grid(price)
    size_lots, size_decimals = _on_grid(smallest_size)
    return Instrument(base + separator + quote, base, quote, price_decimals, size_decimals, price_ticks, size_lots)


def _on_grid(text: str) -> tuple[int, int]:
    decimals = len(text.partition(".")[2])
    return int(Decimal(text).scaleb(decimals)), decimals
