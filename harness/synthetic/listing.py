"""Which instruments an exchange lists: the well-known ones of its module, and then as many coined ones as asked."""

from collections.abc import Sequence
from fractions import Fraction
from hashlib import shake_128
from math import ceil
from typing import Final, Protocol

from harness.synthetic.coined import COINED
from harness.synthetic.instruments import Instrument

SMALLEST_SIZE_USD: Final = Fraction(11, 2)
_LOTS_OF_SMALLEST: Final = 10


class Listing(Protocol):
    """What an exchange's module says of its instruments."""

    NAME: str
    INSTRUMENTS: tuple[Instrument, ...]
    """The well-known ones, most popular first."""
    QUOTES: dict[str, Fraction]
    """What coined assets are quoted in, and how much of it a US dollar is."""
    SEPARATOR: str
    """What stands between base and quote in a symbol."""


def instruments(listing: Listing, symbols: int | Sequence[str] | None = None) -> tuple[Instrument, ...]:
    """Give the most popular so many instruments, or those of these symbols in that order, or the well-known ones.

    Raises ValueError on a symbol that is not listed or comes twice, on none, and on more than can be listed.
    """
    if symbols is None:
        return listing.INSTRUMENTS
    if isinstance(symbols, int):
        return _most_popular(listing, symbols)
    known = {instrument.symbol: instrument for instrument in listing.INSTRUMENTS}
    if not symbols or len(set(symbols)) < len(symbols):
        raise ValueError(f"{listing.NAME}: symbols {list(symbols)} are none or name one twice; name each once")
    well_known = ", ".join(known)
    if not known.keys() >= set(symbols):
        known |= {coined.symbol: coined for coined in _coined(listing, len(COINED) * len(listing.QUOTES))}
    for symbol in symbols:
        if symbol not in known:
            raise ValueError(
                f"{listing.NAME}: no instrument {symbol!r}; there are {well_known} and coined ones. "
                f"Add others to harness/synthetic/exchanges/{listing.NAME}.py."
            )
    return tuple(known[symbol] for symbol in symbols)


def most_symbols(listing: Listing) -> int:
    """Give how many instruments can be listed."""
    return len(listing.INSTRUMENTS) + len(COINED) * len(listing.QUOTES)


def _most_popular(listing: Listing, count: int) -> tuple[Instrument, ...]:
    if not 1 <= count <= most_symbols(listing):
        raise ValueError(f"{listing.NAME}: {count} symbols asked for; give a number from 1 to {most_symbols(listing)}")
    return (*listing.INSTRUMENTS[:count], *_coined(listing, max(count - len(listing.INSTRUMENTS), 0)))


def _coined(listing: Listing, count: int) -> list[Instrument]:
    pairs = ((base, quote) for quote in listing.QUOTES for base in COINED)
    return [_coined_instrument(listing, base, quote) for (base, quote), _ in zip(pairs, range(count), strict=False)]


def _coined_instrument(listing: Listing, base: str, quote: str) -> Instrument:
    """Give an asset the same worth wherever it is traded: five digits, of 0.0001 to 999.99 US dollars."""
    word = int.from_bytes(shake_128(f"worth/{base}".encode()).digest(8), "little")
    places, worth = 2 + word % 5, 10_000 + (word >> 8) % 90_000
    ticks = int(worth * listing.QUOTES[quote])
    smallest = SMALLEST_SIZE_USD * 10**places / worth
    size_places = 0
    while smallest * 10**size_places < _LOTS_OF_SMALLEST:
        size_places += 1
    lots = ceil(smallest * 10**size_places)
    return Instrument(base + listing.SEPARATOR + quote, base, quote, places, size_places, ticks, lots)
