"""Synthetic frames of several exchanges as one stream, in receive order, without a file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from heapq import merge
from operator import attrgetter
from pathlib import Path

from harness.captures import CapturedFrame
from harness.synthetic.exchanges import EXCHANGES
from harness.synthetic.instruments import Instrument
from harness.synthetic.trades import Plan, Received

DEFAULT_START_NS = 1_767_225_600 * 10**9
"""2026-01-01 00:00:00 UTC: a run without a start of its own is still the same run tomorrow."""


def synthetic(
    duration_ns: int,
    seed: int,
    *,
    symbols: Mapping[str, Sequence[str]] | None = None,
    start_ns: int = DEFAULT_START_NS,
    rates: Mapping[str, int | Fraction] | None = None,
) -> Iterator[CapturedFrame]:
    """Yield frames by receive time: one connection per exchange, same arguments, same frames, on any machine.

    `rates` maps exchanges to their mean trades per second (bursts go beyond) and thereby chooses the
    exchanges: all of them, at their own rates, when it is left out. `symbols` maps an exchange to its own
    names, most popular first; without it, all that the exchange's module knows.

        frames = synthetic(parse_duration("10m"), seed=7, rates={"binance": 1000, "kraken": 100})

    Raises ValueError on an unknown exchange or symbol, or on a duration or rate that is not positive.
    """
    chosen = {name: known.TRADES_PER_SECOND for name, known in EXCHANGES.items()} if rates is None else rates
    wanted = symbols or {}
    for name in (*chosen, *wanted):
        if name not in EXCHANGES:
            raise ValueError(f"no synthetic trades for exchange {name!r}; there are {', '.join(EXCHANGES)}")
    if not chosen:
        raise ValueError(f"rates name no exchange; there are {', '.join(EXCHANGES)}")
    if duration_ns <= 0:
        raise ValueError(f"duration {duration_ns} ns is not positive; give at least 1 ms")
    end_ns = start_ns + duration_ns
    streams = []
    for name, rate in chosen.items():
        plan = Plan(seed, start_ns, end_ns, _rate(name, rate), instruments(name, wanted.get(name)))
        streams.append(captured(name, EXCHANGES[name].frames(plan), seed))
    return streams[0] if len(streams) == 1 else merge(*streams, key=attrgetter("recv_ns"))


def captured(exchange: str, frames: Iterable[Received], seed: int) -> Iterator[CapturedFrame]:
    """Number an exchange's frames as if they were the lines of a capture."""
    path = Path(f"synthetic-{exchange}-seed-{seed}")
    for line, (recv_ns, frame) in enumerate(frames, 1):
        yield CapturedFrame(recv_ns, exchange, frame.encode(), line, path)


def instruments(exchange: str, symbols: Sequence[str] | None = None) -> tuple[Instrument, ...]:
    """Give an exchange's instruments of those names, in that order, or all of them.

    Raises ValueError on a name that the exchange's module does not have or that comes twice, and on no name.
    """
    known = {instrument.symbol: instrument for instrument in EXCHANGES[exchange].INSTRUMENTS}
    if symbols is None:
        return tuple(known.values())
    if not symbols or len(set(symbols)) < len(symbols):
        raise ValueError(f"{exchange}: symbols {list(symbols)} are none or name one twice; name each once")
    for symbol in symbols:
        if symbol not in known:
            raise ValueError(
                f"{exchange}: no instrument {symbol!r}; there are {', '.join(known)}. "
                f"Add others to INSTRUMENTS in harness/synthetic/exchanges/{exchange}.py."
            )
    return tuple(known[symbol] for symbol in symbols)


def _rate(exchange: str, trades_per_second: int | Fraction) -> Fraction:
    if trades_per_second <= 0:
        raise ValueError(
            f"{exchange}: {trades_per_second} trades/s is not positive; leave the exchange out instead"
        )
    return Fraction(trades_per_second)
