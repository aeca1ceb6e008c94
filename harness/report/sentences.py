"""A run in sentences, for the terminal, the report and the pull request.

The verdict claims what a check has looked for and found to hold, and says what nobody looked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from harness.checks import CheckResult
from harness.report import words
from harness.results import Results
from k2pipeline.exchanges import FrameKind

TIME_FRAMES: Final = ("1s", "1m", "5m", "15m", "30m", "1h", "1d")
_CHANNELS: Final = 6
_SENT: Final = (FrameKind.TRADE, FrameKind.UNKNOWN)
_CANDLES: Final = ("no_candle_lost", "no_phantom_candle", "candles_equal_truth")
_TRADES: Final = {
    "lost": ("silver_trades.no_trade_lost", "none lost"),
    "phantom": ("silver_trades.no_phantom_trade", "none made up"),
    "doubled": ("silver_trades.no_trade_doubled", "none doubled"),
}


def headline(results: Results) -> str:
    """What was found, in one sentence without a full stop."""
    if not results.checks:
        return f"{_caveat(results)}Nothing was checked, so nothing is proven"
    return _caveat(results) + (_failing(results) if results.failed else _holding(results))


def other_channels(results: Results) -> str:
    """How many frames were read and not sent, and what they were; empty where there were none."""
    counted = [(f"{each['exchange']} {each['channel']}", each["frames"]) for each in _unsent(results)]
    if not counted:
        return ""
    ranked = sorted(counted, key=lambda each: (-each[1], each[0]))
    listed = ", ".join(f"{name} {frames:,}" for name, frames in ranked[:_CHANNELS])
    more = f" and {len(ranked) - _CHANNELS} more" if len(ranked) > _CHANNELS else ""
    return f"{words.many(sum(frames for _, frames in counted), 'frame')} of other channels, not sent: {listed}{more}"


def rate(results: Results) -> str:
    """Trades per second, wanted and sent, and how late frames were; empty where nothing can be said."""
    if results.achieved_rate is None:
        return ""
    wanted = "" if results.target_rate is None else f" of {results.target_rate:,.10g} wanted"
    late = [
        f"{name} {words.milliseconds(value)}"
        for name, value in (("p99", results.late_p99_ms), ("at most", results.late_max_ms))
        if value is not None
    ]
    return f"{results.achieved_rate:,.1f} trades/s sent{wanted}{'; sent late by ' if late else ''}{', '.join(late)}"


def _unsent(results: Results) -> Iterator[Mapping[str, Any]]:
    return (each for each in results.channels if each["kind"] not in _SENT)


def _caveat(results: Results) -> str:
    """Why a run is no pass although no check says so."""
    if results.interrupted:
        frames = results.counts.frames_sent
        return f"Interrupted after {words.many(frames, 'frame')}, so no pass whatever holds of what was sent by then. "
    if results.lag_messages:
        return f"The pipeline stands still, {words.many(results.lag_messages, 'message')} behind, so no pass. "
    return ""


def _failing(results: Results) -> str:
    counts, failed = results.counts, len(results.failed)
    found = []
    if counts.lost is not None:
        found.append(f"{words.many(counts.lost, 'trade')} lost")
    if counts.phantom is not None:
        found.append(f"{counts.phantom:,} phantom")
    of_all = f"{failed} of {words.many(len(results.checks), 'check')} {'fails' if failed == 1 else 'fail'}"
    return f"{of_all}{': ' if found else ''}{', '.join(found)}{_warned(results)}"


def _holding(results: Results) -> str:
    counts, checks = results.counts, results.checks
    everything = all(check.success for check in checks)
    held = f"All {len(checks):,} checks hold" if everything else f"No check of {len(checks):,} fails"
    silver = "" if counts.silver_trades is None else f", {counts.silver_trades:,} in silver"
    shown, unknown = _claims(checks)
    claimed = f"; {', '.join(shown)}" if shown else ""
    silent = f"; not looked for: {', '.join(unknown)}" if unknown else ""
    return f"{held}: {words.many(counts.trades_sent, 'trade')} sent{silver}{claimed}{silent}{_warned(results)}"


def _claims(checks: Sequence[CheckResult]) -> tuple[list[str], list[str]]:
    """What holds, and what no check has looked for."""
    holding = {f"{check.suite}.{check.name}" for check in checks if check.success}
    shown = [claim for check, claim in _TRADES.values() if check in holding]
    unknown = [f"{what} trades" for what, (check, _) in _TRADES.items() if check not in holding]
    exact = [frame for frame in TIME_FRAMES if all(f"ohlcv_{frame}.{check}" in holding for check in _CANDLES)]
    if len(exact) == len(TIME_FRAMES):
        shown.append("every candle equal to the truth")
    elif exact:
        shown.append(f"every candle of {', '.join(exact)} equal to the truth")
    if missing := [frame for frame in TIME_FRAMES if frame not in exact]:
        unknown.append("candles" if not exact else f"candles of {', '.join(missing)}")
    return shown, unknown


def _warned(results: Results) -> str:
    warnings = len(results.warnings)
    return f"; {warnings} warn{'s' if warnings == 1 else ''}" if warnings else ""
