"""Where the frames of a play come from, and what is known of them before the first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.captures import CapturedFrame, read_merged
from harness.synthetic import check_id_jumps, check_symbols, synthetic
from harness.synthetic.exchanges import EXCHANGES
from harness.synthetic.stream import instruments


@dataclass(frozen=True, slots=True)
class Source:
    """`frames` gives them anew each time. What cannot be looked through beforehand, because that would take as
    long as generating all of it, says itself what it will hold: `symbols` by exchange, over `span_ns`.
    """

    frames: Callable[[], Iterable[CapturedFrame]]
    symbols: Mapping[str, Sequence[str]] | None = None
    span_ns: int = 0


def recorded(captures: Sequence[Path]) -> Source:
    """Captures, merged by receive time."""
    return Source(lambda: read_merged(captures))


def generated(duration_ns: int, seed: int, symbols: int | None = None, id_jumps: int = 0) -> Source:
    """Synthetic trades of every exchange, of so many symbols each and with so many jumps of ids in a million trades;
    ValueError if there are not as many.
    """
    check_symbols(symbols)
    check_id_jumps(id_jumps)
    names = {exchange: [each.symbol for each in instruments(exchange, symbols)] for exchange in EXCHANGES}
    return Source(
        lambda: synthetic(duration_ns, seed, symbols=symbols, id_jumps_per_million=id_jumps), names, duration_ns
    )
