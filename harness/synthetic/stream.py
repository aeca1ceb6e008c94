"""Synthetic frames of several exchanges as one stream, in receive order, without a file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from heapq import merge
from operator import attrgetter
from pathlib import Path
from typing import Final

from harness.captures import CapturedFrame
from harness.synthetic import listing
from harness.synthetic.exchanges import EXCHANGES
from harness.synthetic.instruments import Instrument
from harness.synthetic.trades import Plan, Received, Timetable

DEFAULT_START_NS: Final = 1_767_225_600 * 10**9
"""2026-01-01 00:00:00 UTC: a run without a start of its own is still the same run tomorrow."""

Rate = int | Fraction
"""Trades per second: not below one an hour and not above ten million a second."""
_SLOWEST: Final = Fraction(1, 3600)
_FASTEST: Final = 10_000_000


def synthetic(
    duration_ns: int,
    seed: int,
    *,
    symbols: int | Mapping[str, Sequence[str]] | None = None,
    start_ns: int = DEFAULT_START_NS,
    rates: Rate | Mapping[str, Rate] | None = None,
    id_jumps_per_million: int = 0,
    timetables: Mapping[str, Timetable] | None = None,
) -> Iterator[CapturedFrame]:
    """Yield frames by receive time: one connection per exchange, same arguments, same frames, on any machine.

    `symbols` is how many each exchange has, or maps exchanges to their own names, most popular first; without it
    they have the well-known ones. `rates` is the mean number of trades per second (bursts go far beyond), of all
    exchanges together in their usual proportions, or maps exchanges to theirs and thereby chooses them; without
    it each has its own. Ids are consecutive, unless id_jumps_per_million of the trades are to leave ids out.
    Arrivals are bursty, unless an exchange's timetable says when each trade is due.

        frames = synthetic(parse_duration("10m"), seed=7, symbols=500, rates={"binance": 1000, "kraken": 100})

    Raises ValueError on an unknown exchange or symbol, or on a duration, rate or number that cannot be.
    """
    chosen = _rates(rates)
    wanted = symbols if isinstance(symbols, Mapping) else dict.fromkeys(chosen, symbols)
    for name in (*chosen, *wanted):
        if name not in EXCHANGES:
            raise ValueError(f"no synthetic trades for exchange {name!r}; there are {', '.join(EXCHANGES)}")
    if not chosen:
        raise ValueError(f"rates name no exchange; there are {', '.join(EXCHANGES)}")
    if duration_ns <= 0:
        raise ValueError(f"duration {duration_ns} ns is not positive; give at least 1 ms")
    check_id_jumps(id_jumps_per_million)
    end_ns, due = start_ns + duration_ns, timetables or {}
    streams = []
    for name, rate in chosen.items():
        known = instruments(name, wanted.get(name))
        plan = Plan(seed, start_ns, end_ns, _checked(name, rate), known, id_jumps_per_million, due.get(name))
        streams.append(captured(name, EXCHANGES[name].frames(plan), seed))
    return streams[0] if len(streams) == 1 else merge(*streams, key=attrgetter("recv_ns"))


def captured(exchange: str, frames: Iterable[Received], seed: int) -> Iterator[CapturedFrame]:
    """Number an exchange's frames as if they were the lines of a capture."""
    path = Path(f"synthetic-{exchange}-seed-{seed}")
    for line, (recv_ns, frame) in enumerate(frames, 1):
        yield CapturedFrame(recv_ns, exchange, frame, line, path)


def instruments(exchange: str, symbols: int | Sequence[str] | None = None) -> tuple[Instrument, ...]:
    """Give an exchange's most popular instruments, so many, or those of these symbols; by default the well-known.

    Raises ValueError where harness.synthetic.listing does.
    """
    return listing.instruments(EXCHANGES[exchange], symbols)


def check_symbols(symbols: int | None) -> None:
    """Raise ValueError unless every exchange has so many symbols."""
    most = min(listing.most_symbols(exchange) for exchange in EXCHANGES.values())
    if symbols is not None and not 1 <= symbols <= most:
        raise ValueError(f"{symbols} symbols of each exchange; give a number from 1 to {most}")


def check_id_jumps(per_million: int) -> None:
    """Raise ValueError unless so many of a million trades can jump."""
    if not 0 <= per_million <= 1_000_000:
        raise ValueError(f"{per_million} id jumps per million trades; give 0 to 1000000")


def _rates(rates: Rate | Mapping[str, Rate] | None) -> Mapping[str, Rate]:
    if isinstance(rates, Mapping):
        return rates
    own = {name: exchange.TRADES_PER_SECOND for name, exchange in EXCHANGES.items()}
    return own if rates is None else {name: Fraction(rates) * rate / sum(own.values()) for name, rate in own.items()}


def _checked(exchange: str, rate: Rate) -> Fraction:
    if not _SLOWEST <= rate <= _FASTEST:
        raise ValueError(
            f"{exchange}: {rate} trades/s is not positive, below one an hour or above {_FASTEST:,} a second; "
            "give another rate, or leave the exchange out"
        )
    return Fraction(rate)
