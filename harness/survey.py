"""Looking through a capture before anything of it is sent."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from harness.captures import CaptureError, metadata_path, read_capture
from k2pipeline.exchanges import EXCHANGES, FrameKind

Channel = tuple[str, FrameKind, str]
"""Exchange, kind and channel: what frames are counted by."""

_TOLD_EVERY: Final = 50_000


@dataclass(frozen=True, slots=True)
class Survey:
    """What one capture holds. `symbols` counts trades by (exchange, the exchange's own symbol)."""

    path: Path
    frames: int
    trades: int
    channels: Mapping[Channel, int]
    symbols: Mapping[tuple[str, str], int]
    first_recv_ns: int
    last_recv_ns: int
    is_sorted: bool


def survey(path: Path, told: Callable[[int], None] = lambda _: None) -> Survey:
    """Read all of a capture, sending nothing; raises CaptureError where reading it does. `told`: the frames so far."""
    channels: Counter[Channel] = Counter()
    symbols: Counter[tuple[str, str]] = Counter()
    classify = {name: exchange.classify for name, exchange in EXCHANGES.items()}
    first_ns: int | None = None
    last_ns = previous_ns = 0
    is_sorted = True
    for number, captured in enumerate(read_capture(path), 1):
        if number % _TOLD_EVERY == 0:
            told(number)
        frame = classify[captured.exchange](captured.frame)
        channels[captured.exchange, frame.kind, frame.channel] += 1
        if frame.kind is FrameKind.TRADE:
            symbols[captured.exchange, frame.symbol] += frame.trades
        is_sorted = is_sorted and captured.recv_ns >= previous_ns
        previous_ns = captured.recv_ns
        first_ns = previous_ns if first_ns is None else min(first_ns, previous_ns)
        last_ns = max(last_ns, previous_ns)
    return Survey(path, channels.total(), symbols.total(), channels, symbols, first_ns or 0, last_ns, is_sorted)


def survey_for_replay(paths: Iterable[Path], told: Callable[[str], None] = lambda _: None) -> list[Survey]:
    """Survey every capture; raises CaptureError if one cannot be read or has no trade frame to send."""
    surveys = [_told_survey(path, told) for path in paths]
    for found in surveys:
        if not any(kind is FrameKind.TRADE for _, kind, _ in found.channels):
            raise no_trades(str(found.path), found.channels)
    return surveys


def _told_survey(path: Path, told: Callable[[str], None]) -> Survey:
    return survey(path, lambda frames: told(f"{path.name}: {frames:,} frames"))


def no_trades(source: str, channels: Mapping[Channel, int]) -> CaptureError:
    """The error for frames without a single trade among them."""
    return CaptureError(
        f"{source}: no trade frame among {sum(channels.values()):,} frames ({describe(channels)}); "
        "record it with the trade channel subscribed, or leave it out"
    )


def describe(channels: Mapping[Channel, int]) -> str:
    """Counts by channel on one line, most frequent first: `binance bookTicker 26,059, binance trade 12`."""
    ranked = sorted(channels.items(), key=lambda item: (-item[1], item[0][0], item[0][2]))
    return ", ".join(f"{exchange} {channel} {count:,}" for (exchange, _, channel), count in ranked)


def write_metadata(capture: Path, source: str, details: Mapping[str, object] | None = None) -> Path:
    """Write `<name>.meta.json` beside a capture: what it holds, its SHA-256, and where it comes from."""
    found = survey(capture)
    with capture.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    content = {
        "capture": capture.name,
        "sha256": sha256,
        "size_bytes": capture.stat().st_size,
        "source": source,
        "frames": found.frames,
        "trades": found.trades,
        "channels": [
            {"exchange": exchange, "kind": kind.value, "channel": channel, "frames": count}
            for (exchange, kind, channel), count in sorted(found.channels.items(), key=_by_name)
        ],
        "symbols": [
            {"exchange": exchange, "symbol": symbol, "trades": count}
            for (exchange, symbol), count in sorted(found.symbols.items())
        ],
        "first_recv_ns": found.first_recv_ns,
        "last_recv_ns": found.last_recv_ns,
        "is_sorted": found.is_sorted,
        "details": dict(details or {}),
    }
    path = metadata_path(capture)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
    return path


def _by_name(item: tuple[Channel, int]) -> tuple[str, str, str]:
    exchange, kind, channel = item[0]
    return exchange, kind.value, channel
