"""What is going to be played, looked through once beforehand: an exchange knows its symbols before it opens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.captures import CapturedFrame, CaptureError
from harness.exchange.dialect import Dialect, dialect_of
from harness.exchange.source import Source
from k2pipeline.exchanges import EXCHANGES, FrameKind

Progress = Callable[[int, int], float]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`progress`: how far a play is, from 0 to 1, by the number of a trade or unknown frame and its receive time.
    `symbols`: by exchange, those with trades that its feed handler can ask for. `unfed`: trade frames that no feed
    handler speaks, by dialect and by capture.
    """

    progress: Progress
    symbols: Mapping[str, tuple[str, ...]]
    unfed: Mapping[tuple[str, str], int]

    def require_fed(self) -> None:
        """Raise CaptureError for frames that a run through the feed handlers cannot carry."""
        if self.unfed:
            counted = "; ".join(
                f"{source}: {count:,} {dialect} frames" for (dialect, source), count in self.unfed.items()
            )
            raise CaptureError(
                f"{counted} cannot go through a feed handler, which does not speak that protocol; "
                "leave the capture out, or play it with --via topic"
            )
        if not self.symbols:
            raise CaptureError(
                "no frame names a symbol that a feed handler could subscribe to; play it with --via topic"
            )


def catalogue(source: Source, dialects: Sequence[Dialect]) -> Catalogue:
    """Look through what is going to be played, and teach the dialects what it holds."""
    if source.symbols is None:
        return _scanned(source.frames(), dialects)
    for dialect in dialects:
        if dialect.is_fed:
            dialect.streams.update(map(dialect.stream, source.symbols.get(dialect.exchange, ())))
    symbols = {exchange: tuple(names) for exchange, names in source.symbols.items()}
    return Catalogue(_by_time(source.span_ns), symbols, {})


def _scanned(frames: Iterable[CapturedFrame], dialects: Sequence[Dialect]) -> Catalogue:
    classifiers = {name: exchange.classify for name, exchange in EXCHANGES.items()}
    total, unfed = 0, Counter[tuple[str, str]]()
    symbols: dict[str, dict[str, None]] = {}
    for captured in frames:
        kind = classifiers[captured.exchange](captured.frame).kind
        if kind is FrameKind.CONTROL:
            continue
        dialect = dialect_of(dialects, captured.exchange, captured.frame)
        played = dialect.read(captured.frame)
        dialect.learn(played)
        if kind is FrameKind.MARKET:
            continue
        total += 1
        if kind is FrameKind.TRADE and not dialect.is_fed:
            unfed[dialect.name, str(captured.path or "frames")] += 1
        elif kind is FrameKind.TRADE and played.stream is not None:
            symbols.setdefault(captured.exchange, {})[dialect.symbol(played.stream)] = None
    count = max(total, 1)
    found = {name: tuple(names) for name, names in symbols.items()}
    return Catalogue(lambda number, _: number / count, found, unfed)


def _by_time(span_ns: int) -> Progress:
    first_ns: int | None = None

    def progress(_: int, recv_ns: int) -> float:
        nonlocal first_ns
        first_ns = recv_ns if first_ns is None else first_ns
        return (recv_ns - first_ns) / span_ns

    return progress
