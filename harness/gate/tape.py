"""What flows through a rehearsal: generated trades, and what a bad hour does to them. Pure.

Frames that nobody can read, and trades that silver refuses, come all along, so that dead letters are part of the
history that a migration must keep. Some frames are held back before the migration and come after it: late trades, for
windows whose candles were computed by the old views. And after it every exchange resends, as after a reconnect: its
last 50 trades, most of which the old views took in once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.captures import CapturedFrame, read_capture
from k2pipeline.exchanges import EXCHANGES
from k2pipeline.shipped import SHIPPED

RESENT_TRADES: Final = 50
_HELD_BACK: Final = 97
"""One frame in so many comes late."""
_MOST_HELD_BACK: Final = 200
_ODD: Final = 41
"""One odd frame after so many."""
_STRIDE: Final = 379
"""Odd frames that stand next to each other are of one kind; with such steps, which miss none, a short tape has many."""
_LARGEST_ODD_BYTES: Final = 4_000


@dataclass(frozen=True, slots=True)
class Tape:
    """Generated trades: at which rate a second, and how many before a migration and again after it."""

    rate: int
    half: int
    seed: int = 1


def odd_frames() -> list[CapturedFrame]:
    """The nasty frames that are shipped, one exchange's after the other's, but for the huge ones."""
    paths = [path for name in EXCHANGES for path in sorted((SHIPPED / "replays").glob(f"{name}-nasty-*.jsonl.gz"))]
    return [each for path in paths for each in read_capture(path) if 0 < len(each.frame) <= _LARGEST_ODD_BYTES]


def eventful(
    frames: Iterable[CapturedFrame], odd: Sequence[CapturedFrame], is_migrated: Callable[[], bool]
) -> Iterator[CapturedFrame]:
    """The frames, with odd ones between them in turn; once `is_migrated`, what was held back and what is resent."""
    recent: dict[str, deque[CapturedFrame]] = {}
    held: list[CapturedFrame] = []
    was_migrated = False
    for number, frame in enumerate(frames, 1):
        if not was_migrated and is_migrated():
            was_migrated = True
            yield from held
            for sent in recent.values():
                yield from _last_trades(sent)
        if not was_migrated and number % _HELD_BACK == 0 and len(held) < _MOST_HELD_BACK:
            held.append(frame)
            continue
        yield frame
        recent.setdefault(frame.exchange, deque(maxlen=RESENT_TRADES)).append(frame)
        if odd and number % _ODD == 0:
            yield odd[number // _ODD * _STRIDE % len(odd)]


def _last_trades(frames: Iterable[CapturedFrame]) -> list[CapturedFrame]:
    """The newest frames that hold RESENT_TRADES trades together."""
    found: list[CapturedFrame] = []
    trades = 0
    for frame in reversed(list(frames)):
        if trades >= RESENT_TRADES:
            break
        found.append(frame)
        trades += EXCHANGES[frame.exchange].classify(frame.frame).trades
    return found[::-1]
