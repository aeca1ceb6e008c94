"""The captures in replays/: what is in them, written out again by `python -m harness.synthetic replays/`.

One module per exchange, found by listing this folder.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from harness.captures import CaptureWriter
from harness.survey import write_metadata
from harness.synthetic.nasty import Section
from harness.synthetic.trades import Received

NASTY_SPACING_NS = 10_000_000


@dataclass(frozen=True, slots=True)
class Shipped:
    """One capture: its file name, the exchange, its frames, and what its metadata says of them.

    `details` are known beforehand (seed, arguments, sections); `facts` are counted from the frames' texts.
    """

    name: str
    exchange: str
    source: str
    frames: Callable[[], Iterator[Received]]
    details: Mapping[str, object]
    facts: Callable[[Iterable[str]], Mapping[str, object]] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Hand-written sections of one protocol: when their first frame is received, and what to call them by."""

    start_ns: int
    prefix: str
    sections: tuple[Section, ...]


def nasty(name: str, exchange: str, *parts: Part) -> Shipped:
    """Build a capture of parts in turn, a frame every 10 ms; metadata says which lines hold which section."""
    frames: list[Received] = []
    described: list[dict[str, object]] = []
    for part in parts:
        texts = [text for section in part.sections for text in section.frames]
        line = len(frames) + 1
        frames.extend((part.start_ns + n * NASTY_SPACING_NS, text.encode()) for n, text in enumerate(texts, 1))
        for section in part.sections:
            lines = [line, line + len(section.frames) - 1]
            described.append({"section": part.prefix + section.name, "lines": lines, "what": section.what})
            line = lines[1] + 1
    source = f"hand-written in harness/synthetic/nasty, on the shapes of recorded {exchange} frames"
    return Shipped(name, exchange, source, lambda: iter(frames), {"sections": described})


def write(capture: Shipped, folder: Path) -> Path:
    """Write a capture and its metadata into an existing folder, over what is there; give its path."""
    path = folder / capture.name
    with CaptureWriter(path) as writer:
        for recv_ns, frame in capture.frames():
            writer.write(recv_ns, capture.exchange, frame)
    details = {
        "command": "python -m harness.synthetic replays/",
        "frames_sha256": frames_sha256(capture.frames()),
        **capture.details,
        **(capture.facts(frame.decode() for _, frame in capture.frames()) if capture.facts else {}),
    }
    write_metadata(path, capture.source, details)
    return path


def frames_sha256(frames: Iterable[Received]) -> str:
    """Hash frames as lines of `<recv_ns> <frame>`: the same for every compression of a capture."""
    digest = hashlib.sha256()
    for recv_ns, frame in frames:
        digest.update(b"%d %b\n" % (recv_ns, frame))
    return digest.hexdigest()


def _discover() -> tuple[Shipped, ...]:
    found: list[Shipped] = []
    for module in sorted(iter_modules(__path__), key=lambda module: module.name):
        found.extend(import_module(f"{__name__}.{module.name}").CAPTURES)
    return tuple(found)


CAPTURES: tuple[Shipped, ...] = _discover()
