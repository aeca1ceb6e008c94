"""Draws the plots of docs/synthetic.md: synthetic trades beside recorded ones.

    python benchmarks/synthetic_plots.py

Needs the recordings of ../shared/captures, which are not shipped, and matplotlib (of the dev dependencies). The line
is the recording; the band holds nine in ten of 20 synthetic tapes of the same instrument, mean rate and length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from synthetic_statistics import (
    dispersion,
    fills,
    notionals,
    order_gaps_s,
    order_moves_bp,
    side_autocorrelation,
    window_moves_bp,
)
from synthetic_tapes import INSTRUMENTS, SECOND_US, Tape, generated, recorded, require_captures

from k2pipeline.shipped import SHIPPED

FOLDER = SHIPPED / "docs" / "synthetic"
SEEDS = range(1, 21)
BAND = (5, 95)
REAL, SYNTHETIC = "#1a1a1a", "#2f7fd0"
Floats = NDArray[np.float64]
Curve = Callable[[Tape, Floats], Floats]


@dataclass(frozen=True)
class Row:
    """One row of panels, a panel for each instrument: what a curve is at each x."""

    label: str
    xlabel: str
    xs: Floats
    curve: Curve
    is_log: bool = True


def survival(values: Callable[[Tape], Floats]) -> Curve:
    """The share of values above x."""

    def curve(tape: Tape, xs: Floats) -> Floats:
        found = np.sort(values(tape))
        above: Floats = 1 - np.searchsorted(found, xs, side="right") / len(found)
        return above

    return curve


def _side_curve(buys: Callable[[Tape], NDArray[np.bool_]]) -> Curve:
    return lambda tape, lags: np.array([side_autocorrelation(buys(tape), int(lag)) for lag in lags])


def _logs(low: float, high: float, points: int = 60) -> Floats:
    return np.logspace(np.log10(low), np.log10(high), points)


LAGS = np.unique(_logs(1, 100, 30).astype(int)).astype(float)
FIGURES = {
    "arrivals": (
        Row(
            "share of gaps longer",
            "seconds from trade to trade",
            _logs(1e-3, 1e3),
            survival(lambda t: np.diff(t.time_us) / SECOND_US),
        ),
        Row("share of gaps longer", "seconds from order to order", _logs(1e-3, 1e3), survival(order_gaps_s)),
        Row(
            "variance / mean of orders",
            "window in seconds",
            _logs(0.01, 60, 25),
            lambda tape, xs: np.array([dispersion(tape, x) for x in xs]),
        ),
    ),
    "sizes": (
        Row("share of trades larger", "price times size (USD or USDT)", _logs(0.1, 1e6), survival(notionals)),
        Row(
            "share of orders with more",
            "trades of an order",
            _logs(1, 1000, 60),
            survival(lambda tape: fills(tape).astype(float)),
        ),
    ),
    "moves": (
        Row(
            "share of moves larger",
            "basis points from order to order",
            _logs(1e-3, 100),
            survival(lambda tape: np.abs(order_moves_bp(tape))),
        ),
        Row(
            "share of moves larger",
            "basis points in 10 s",
            _logs(1e-2, 100),
            survival(lambda tape: np.abs(window_moves_bp(tape, 10))),
        ),
    ),
    "sides": (
        Row("autocorrelation of sides", "trades apart", LAGS, _side_curve(lambda tape: tape.buys), is_log=False),
        Row(
            "autocorrelation of sides",
            "orders apart",
            LAGS,
            _side_curve(lambda tape: tape.buys[tape.first]),
            is_log=False,
        ),
    ),
}


def draw(name: str, real: list[Tape], synthetic: list[list[Tape]]) -> None:
    """Draw one figure into docs/synthetic."""
    rows = FIGURES[name]
    figure = Figure(figsize=(11, 2.6 * len(rows) + 0.5), layout="constrained")
    panels = figure.subplots(len(rows), len(INSTRUMENTS), squeeze=False, sharey="row")
    for row, axes in zip(rows, panels, strict=True):
        for panel, tape, others in zip(axes, real, synthetic, strict=True):
            _panel(panel, row, tape, others)
        axes[0].set_ylabel(row.label)
    for panel, instrument in zip(panels[0], INSTRUMENTS, strict=True):
        panel.set_title(instrument.title, fontsize=10)
    figure.legend(
        *panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9
    )
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None})


def _panel(panel: Axes, row: Row, tape: Tape, others: list[Tape]) -> None:
    curves = np.array([row.curve(other, row.xs) for other in others])
    low, middle, high = np.percentile(curves, (BAND[0], 50, BAND[1]), axis=0)
    panel.fill_between(row.xs, low, high, color=SYNTHETIC, alpha=0.25, linewidth=0, label="synthetic, 9 in 10 tapes")
    panel.plot(row.xs, middle, color=SYNTHETIC, linewidth=1, label="synthetic, middle")
    panel.plot(row.xs, row.curve(tape, row.xs), color=REAL, linewidth=1.3, label="recorded")
    panel.set_xscale("log")
    if row.is_log:
        panel.set_yscale("log")
    else:
        panel.axhline(0, color="#999999", linewidth=0.6)
    panel.set_xlabel(row.xlabel, fontsize=9)
    panel.grid(color="#dddddd", linewidth=0.5)
    panel.tick_params(labelsize=8)
    panel.minorticks_off()


def main() -> None:
    """Draw all figures; the same trades give the same files."""
    require_captures()
    mpl.rcParams.update({"svg.hashsalt": "synthetic", "svg.fonttype": "none", "font.family": "sans-serif"})
    real = [recorded(instrument) for instrument in INSTRUMENTS]
    synthetic = [[generated(instrument, seed) for seed in SEEDS] for instrument in INSTRUMENTS]
    for name in FIGURES:
        draw(name, real, synthetic)
        print(f"{(FOLDER / name).relative_to(SHIPPED)}.svg")


if __name__ == "__main__":
    main()
