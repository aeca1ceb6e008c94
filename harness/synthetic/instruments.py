"""What is traded: an instrument's grids and its usual price and size."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Instrument:
    """One market of one exchange: a tick is 10**-price_decimals, a lot is 10**-size_decimals."""

    symbol: str
    price_decimals: int
    size_decimals: int
    usual_price_ticks: int
    usual_size_lots: int


def instrument(symbol: str, price: str, size: str) -> Instrument:
    """Build an instrument from a usual price and size whose written decimals are the grids.

    >>> instrument("BTCUSDT", "84106.10", "0.00210").usual_size_lots
    210
    """
    price_ticks, price_decimals = _on_grid(price)
    size_lots, size_decimals = _on_grid(size)
    return Instrument(symbol, price_decimals, size_decimals, price_ticks, size_lots)


def _on_grid(text: str) -> tuple[int, int]:
    decimals = len(text.partition(".")[2])
    return int(Decimal(text).scaleb(decimals)), decimals


def decimal_text(units: int, decimals: int) -> str:
    """Write units of 10**-decimals as a plain decimal with exactly that many places.

    >>> decimal_text(8409570, 2)
    '84095.70'
    """
    if decimals == 0:
        return str(units)
    whole, part = divmod(units, 10**decimals)
    return f"{whole}.{part:0{decimals}d}"
