"""Where tests find captures: the shipped ones, and real recordings beside the project where there are any."""

from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
REPLAYS = PROJECT / "replays"
RECORDED = PROJECT.parent / "shared" / "captures"


def recorded(name: str) -> Path:
    """A real recording; the test skips where it is not at hand."""
    path = RECORDED / name
    if not path.is_file():
        pytest.skip(f"real recordings are not shipped and {name} is not in ../shared/captures")
    return path
