"""Documents with figures that a command writes: between two marks, the rest is somebody's prose.

<!-- figures: mutants -->
...
<!-- end of figures -->
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from harness.mutants import MutantsError

_MARKED: Final = r"(<!-- figures: {name} -->\n).*?(<!-- end of figures -->)"


class PageError(MutantsError):
    """The document has no place for the figures, or they are not the whole."""


def put(document: str, name: str, figures: str) -> str:
    """The document with these figures in the place of what stood there. Raises PageError where it has no such place."""
    pattern = re.compile(_MARKED.format(name=re.escape(name)), re.DOTALL)
    if not pattern.search(document):
        raise PageError(f"no line `<!-- figures: {name} -->` and `<!-- end of figures -->` after it; add both")
    return pattern.sub(lambda found: f"{found[1]}\n{figures}\n{found[2]}", document, count=1)


def write(path: Path, **figures: str) -> None:
    """Replace the figures in a file, each by its name."""
    text = path.read_text(encoding="utf-8")
    for name, each in figures.items():
        text = put(text, name, each)
    path.write_text(text, encoding="utf-8")
