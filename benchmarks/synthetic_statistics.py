"""What recorded and synthetic trades look like in figures: those that the parameters of synthetic trades were set by.

    python benchmarks/synthetic_statistics.py [seeds]

For each instrument of ../shared/captures whose recording is long enough: the recording beside the lowest and the
highest of that many synthetic tapes of the same mean rate and length; in bold where the recording is not between.
Before them stands how bursty both are: the dispersion of orders in windows of several lengths.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from synthetic_tapes import INSTRUMENTS, SECOND_US, Tape, generated, recorded, require_captures

Floats = NDArray[np.float64]
SEEDS = 20
WINDOWS = {
    **{f"{length} ms": length / 1000 for length in (10, 20, 50, 100, 200, 500)},
    **{f"{length} s": float(length) for length in (1, 2, 5, 10)},
}


def order_gaps_s(tape: Tape) -> Floats:
    """Seconds from each order to the next."""
    return np.diff(tape.time_us[tape.first]) / SECOND_US


def fills(tape: Tape) -> NDArray[np.int64]:
    """Trades of each order."""
    return np.diff(tape.first, append=len(tape.time_us))


def notionals(tape: Tape) -> Floats:
    """Price times size, in the quote asset."""
    return tape.price * tape.size


def order_moves_bp(tape: Tape) -> Floats:
    """Basis points from the last trade of each order to the first of the next."""
    last, following = tape.price[tape.first[1:] - 1], tape.price[tape.first[1:]]
    return (following / last - 1) * 1e4


def window_moves_bp(tape: Tape, seconds: float) -> Floats:
    """Basis points between the last prices of successive windows."""
    ends = np.arange(tape.time_us[0] + seconds * SECOND_US, tape.time_us[-1], seconds * SECOND_US)
    prices = tape.price[np.searchsorted(tape.time_us, ends) - 1]
    return np.diff(prices) / prices[:-1] * 1e4


def dispersion(tape: Tape, seconds: float) -> float:
    """Variance over mean of the orders in windows; 1 if they came independently of each other."""
    times = tape.time_us[tape.first] - tape.time_us[0]
    counts = np.bincount((times / (seconds * SECOND_US)).astype(np.int64))[:-1]
    return float(counts.var() / counts.mean())


def side_autocorrelation(buys: NDArray[np.bool_], lag: int) -> float:
    """Correlation of sides so many apart."""
    return float(np.corrcoef(buys[lag:], buys[:-lag])[0, 1])


def _inside(tape: Tape) -> NDArray[np.bool_]:
    """Marks the pairs of neighbouring trades that belong to one order."""
    inside = np.ones(len(tape.time_us) - 1, bool)
    inside[tape.first[1:] - 1] = False
    return inside


def _repeats(tape: Tape) -> float:
    return float(((np.diff(tape.price) == 0) & (np.diff(tape.size) == 0))[_inside(tape)].mean())


def _walks(tape: Tape) -> float:
    return float((np.diff(tape.price) != 0)[_inside(tape)].mean())


def _same_side_soon(tape: Tape) -> float:
    soon = order_gaps_s(tape) <= 0.02
    return float((np.diff(tape.buys[tape.first]) == 0)[soon].mean())


STATISTICS: dict[str, Callable[[Tape], float]] = {
    "trades": lambda tape: len(tape.time_us),
    "trades per order, mean": lambda tape: float(fills(tape).mean()),
    "orders of one trade": lambda tape: float((fills(tape) == 1).mean()),
    "trades of the largest order": lambda tape: float(fills(tape).max()),
    "later trades equal to the one before in price and size": _repeats,
    "later trades at another price": _walks,
    "orders within 10 ms of the one before": lambda tape: float((order_gaps_s(tape) <= 0.01).mean()),
    "orders within 200 ms": lambda tape: float((order_gaps_s(tape) <= 0.2).mean()),
    "seconds between orders, median": lambda tape: float(np.median(order_gaps_s(tape))),
    "seconds between orders, 99 %": lambda tape: float(np.quantile(order_gaps_s(tape), 0.99)),
    "dispersion of orders in 1 s": lambda tape: dispersion(tape, 1),
    "dispersion of orders in 10 s": lambda tape: dispersion(tape, 10),
    "orders within 20 ms on the same side": _same_side_soon,
    "sides of orders, autocorrelation at 1": lambda tape: side_autocorrelation(tape.buys[tape.first], 1),
    "sides of orders, autocorrelation at 10": lambda tape: side_autocorrelation(tape.buys[tape.first], 10),
    "price times size, median": lambda tape: float(np.median(notionals(tape))),
    "price times size, 99 %": lambda tape: float(np.quantile(notionals(tape), 0.99)),
    "orders at the last price": lambda tape: float((order_moves_bp(tape) == 0).mean()),
    "bp between orders where it moves, median": lambda tape: float(
        np.median(np.abs(order_moves_bp(tape)[order_moves_bp(tape) != 0]))
    ),
    "bp in 10 s, root mean square": lambda tape: float(np.sqrt((window_moves_bp(tape, 10) ** 2).mean())),
    "bp in 60 s, root mean square": lambda tape: float(np.sqrt((window_moves_bp(tape, 60) ** 2).mean())),
}


def main(seeds: int) -> None:
    """Print both tables as Markdown."""
    require_captures()
    real = [recorded(instrument) for instrument in INSTRUMENTS]
    tapes = [[generated(instrument, seed) for seed in range(1, seeds + 1)] for instrument in INSTRUMENTS]
    _print_dispersions(real, tapes)
    print()
    _print_statistics(real, tapes)


def _print_dispersions(real: list[Tape], tapes: list[list[Tape]]) -> None:
    """Of the instruments whose orders can be told apart in the recording."""
    print("| window |" + "".join(f" {instrument.title} | synthetic |" for instrument in INSTRUMENTS[:-1]))
    print("|---|" + "--:|---|" * len(INSTRUMENTS[:-1]))
    for name, seconds in WINDOWS.items():
        cells = []
        for tape, others in zip(real[:-1], tapes[:-1], strict=True):
            values = [dispersion(other, seconds) for other in others]
            range_text = f"{_text(min(values))} .. {_text(max(values))}"
            cells += [_text(dispersion(tape, seconds)), f"{_text(float(np.median(values)))} ({range_text})"]
        print(f"| {name} | {' | '.join(cells)} |")


def _print_statistics(real: list[Tape], tapes: list[list[Tape]]) -> None:
    print("| |" + "".join(f" {instrument.title} | synthetic |" for instrument in INSTRUMENTS))
    print("|---|" + "--:|---|" * len(INSTRUMENTS))
    for name, statistic in STATISTICS.items():
        cells = []
        for tape, others in zip(real, tapes, strict=True):
            found, values = statistic(tape), [statistic(other) for other in others]
            low, high = min(values), max(values)
            text = _text(found) if low <= found <= high else f"**{_text(found)}**"
            cells += [text, f"{_text(low)} .. {_text(high)}"]
        print(f"| {name} | {' | '.join(cells)} |")


def _text(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS)
