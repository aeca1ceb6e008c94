"""What a feed handler counts, as plain numbers: a frame costs a few nanoseconds of it, a scrape reads them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from k2pipeline.exchanges import FrameKind

LAG_BOUNDS_S = (0.0, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


@dataclass
class Lag:
    """A histogram of receive time minus event time, and the newest one.

    Negative ones, where the exchange's clock is ahead of ours, are in the bucket of 0 and leave the total
    alone: a histogram of Prometheus knows no negative sum.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (len(LAG_BOUNDS_S) + 1))
    total_ns: int = 0
    newest_ns: int = 0

    def observe(self, lag_ns: int) -> None:
        self.counts[bisect_left(LAG_BOUNDS_S, lag_ns / 1_000_000_000)] += 1
        self.total_ns += max(0, lag_ns)
        self.newest_ns = lag_ns


@dataclass
class Stats:
    """Counters only grow; the rest is as it is now. Written by the event loop alone."""

    frames: defaultdict[tuple[FrameKind, str], int] = field(default_factory=lambda: defaultdict(int))
    frame_bytes: int = 0
    last_frame_ns: int = 0
    last_trade_ns: dict[str, int] = field(default_factory=dict)  # of the symbols that are wanted, 0 before the first
    lag: Lag = field(default_factory=Lag)
    gaps: Counter[str] = field(default_factory=Counter)  # by symbol
    gap_trades: Counter[str] = field(default_factory=Counter)
    send_failures: Counter[str] = field(default_factory=Counter)  # by the broker's reason
    connects: Counter[str] = field(default_factory=Counter)  # by outcome
    reconnects: Counter[str] = field(default_factory=Counter)  # by what ended the connection before
    connections: int = 0  # subscribed
    subscriptions: int = 0  # symbols over all connections; during an overlap they count twice
    symbols_refused: set[str] = field(default_factory=set)
    pauses: int = 0
    paused_ns: int = 0
    paused_since_ns: int = 0  # 0 while sockets are read

    def gap(self, symbol: str, missing_trades: int) -> None:
        self.gaps[symbol] += 1
        self.gap_trades[symbol] += missing_trades
