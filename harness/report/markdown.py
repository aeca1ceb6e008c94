"""Markdown that whatever stands in a frame cannot break out of, cut to what a pull-request comment may hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from harness.report import words

# GitHub takes 65,536 characters; the summary stays below that in bytes.
MOST_BYTES: Final = 60_000
CELL_CHARACTERS: Final = 80
_CUT: Final = "\n\n_Cut here: the rest is in report.html._\n"
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>()#+!|~@&])")


def escaped(text: str) -> str:
    """Text as text: no markup, no mention, no line break."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("\\@", "@\u200b").replace("\\&", "&amp;")


def cell(text: str, most: int = CELL_CHARACTERS) -> str:
    """Text for a table, shortened."""
    return escaped(words.shortened(text, most))


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numeric: Iterable[int] = ()) -> str:
    """A table of cells that are Markdown already."""
    right = set(numeric)
    rule = ["--:" if number in right else "---" for number in range(len(header))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(header), rule, *rows])


def bounded(parts: Sequence[str], most_bytes: int = MOST_BYTES) -> str:
    """Paragraphs, as many as fit; where some do not, a line says so."""
    text = "\n\n".join(parts) + "\n"
    if len(text.encode()) <= most_bytes:
        return text
    kept: list[str] = []
    left = most_bytes - len(_CUT.encode())
    for part in parts:
        left -= len(part.encode()) + 2
        if left < 0:
            break
        kept.append(part)
    return "\n\n".join(kept) + _CUT
