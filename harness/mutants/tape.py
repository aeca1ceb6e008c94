"""The tape that mutants are tried on: a few hundred frames, each there to tell some wrong schema from the right one.

Two sources an exchange: the nasty capture shipped in replays/ (without its largest frames, which cost time and tell
nothing more), and tapes/<exchange>.jsonl with trades laid so that every window of every time frame has several parts,
arriving out of order, with ties, resends that contradict, and late ones. A line is
`{"part": 1, "recv_ns": .., "frame": ..}`; part 2 arrives after part 1 is in the warehouse. `"header": "none"` leaves
the header recv_ns out, `"bad"` makes it no number, `"nothing"` leaves the Kafka timestamp out as well.

The same offsets occur in two partitions and in two topics, and with part 2 some offsets of part 1 are delivered again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.captures import read_capture
from harness.ledger import Entry, Ledger
from k2pipeline.exchanges import DLQ_TOPIC, EXCHANGES
from k2pipeline.shipped import SHIPPED

TAPES: Final = Path(__file__).resolve().parent / "tapes"
LARGEST_FRAME_BYTES: Final = 4_000
REDELIVERED: Final = 8
_NASTY_PARTITION: Final = 1
_PLAY_PARTITION: Final = 0
# Where 32 bits end.
_FIRST_OFFSET: Final = 2**32 - 20
_UNCLASSIFIED: Final = (b"neither this nor that", b'{"also":"not"}', b"")


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a topic. `header` is the text of the header recv_ns, None where it has none."""

    exchange: str
    topic: str
    partition: int
    offset: int
    recv_ns: int
    header: str | None
    has_timestamp: bool
    frame: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """Messages of one topic that a consumer inserts as one block."""

    topic: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Tape:
    """Deliveries in their order."""

    deliveries: tuple[Delivery, ...]

    def messages(self) -> Iterator[Message]:
        """Each message once, redelivered ones too."""
        seen: set[tuple[str, int, int]] = set()
        for delivery in self.deliveries:
            for message in delivery.messages:
                place = (message.topic, message.partition, message.offset)
                if place not in seen:
                    seen.add(place)
                    yield message


@dataclass(frozen=True, slots=True)
class _Line:
    part: int
    recv_ns: int
    header: str
    frame: bytes


def standard_tape() -> Tape:
    """The tape of all exchanges that there are, and of the dead-letter topic."""
    firsts, seconds = [], []
    for exchange, known in EXCHANGES.items():
        # The worst come first, so that letters of this topic stand at the offsets of letters of the dead-letter topic.
        nasty, play = list(_nasty(exchange))[::-1], list(_play(exchange))
        early = [*_numbered(exchange, known.topic, _NASTY_PARTITION, nasty)]
        placed = [*_numbered(exchange, known.topic, _PLAY_PARTITION, sorted(play, key=lambda line: line.part))]
        cut = sum(line.part == 1 for line in play)
        firsts.append(Delivery(known.topic, (*early, *placed[:cut])))
        again = (*early[:REDELIVERED], *early[-REDELIVERED:], *placed[:REDELIVERED])
        seconds.append(Delivery(known.topic, (*placed[cut:], *again)))
    return Tape((*firsts, _unclassified(), *seconds))


def write_ledger(tape: Tape, path: Path) -> Path:
    """What was sent, as a ledger: every message once, acknowledged at its place."""
    with Ledger(path) as ledger:
        for message in tape.messages():
            kind = "unknown" if message.topic == DLQ_TOPIC else "trade"
            entry = Entry(
                *(
                    message.exchange,
                    "",
                    kind,
                    message.recv_ns,
                    message.recv_ns,
                    message.topic,
                    1,
                    (),
                    True,
                    message.frame,
                )
            )
            group, position = ledger.row(entry, message.recv_ns)
            group.acknowledge(position, message.partition, message.offset, message.recv_ns)
    return path


def _numbered(exchange: str, topic: str, partition: int, lines: Iterable[_Line]) -> Iterator[Message]:
    for offset, line in enumerate(lines, _FIRST_OFFSET):
        header = {"recv_ns": str(line.recv_ns), "bad": "never"}.get(line.header)
        has_timestamp = line.header != "nothing"
        yield Message(exchange, topic, partition, offset, line.recv_ns, header, has_timestamp, line.frame)


def _nasty(exchange: str) -> Iterator[_Line]:
    for path in sorted((SHIPPED / "replays").glob(f"{exchange}-nasty-*.jsonl.gz")):
        for captured in read_capture(path):
            # Kafka has no row for a message without bytes, and neither has the warehouse.
            if 0 < len(captured.frame) <= LARGEST_FRAME_BYTES:
                yield _Line(1, captured.recv_ns, "recv_ns", captured.frame)


def _play(exchange: str) -> Iterator[_Line]:
    path = TAPES / f"{exchange}.jsonl"
    if path.is_file():
        for text in path.read_text(encoding="utf-8").splitlines():
            line = json.loads(text)
            # A byte that is no UTF-8 stands in a line as the lone surrogate that Python writes for it.
            frame = line["frame"].encode(errors="surrogateescape")
            yield _Line(line["part"], line["recv_ns"], line.get("header", "recv_ns"), frame)


def _unclassified() -> Delivery:
    base_ns = 1_770_263_000_000_000_000
    lines = [_Line(1, base_ns + number, "recv_ns", frame) for number, frame in enumerate(_UNCLASSIFIED) if frame]
    lines += [
        _Line(1, base_ns, "none", b"no header"),
        _Line(1, 0, "nothing", b"no time"),
        _Line(1, base_ns, "bad", b"x"),
    ]
    names = list(EXCHANGES)
    placed = [
        Message(names[n % len(names)], *(m.topic, m.partition, m.offset, m.recv_ns, m.header, m.has_timestamp, m.frame))
        for n, m in enumerate(_numbered("", DLQ_TOPIC, _NASTY_PARTITION, lines))
    ]
    return Delivery(DLQ_TOPIC, (*placed, *placed[:2]))
