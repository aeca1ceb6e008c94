"""Writes the shipped captures: `python -m harness.synthetic replays/`."""

import argparse
from pathlib import Path

from harness.synthetic.shipped import CAPTURES, write


def main() -> None:
    """Write every capture, or those named, with their metadata into a folder."""
    parser = argparse.ArgumentParser(prog="python -m harness.synthetic", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the captures go; existing ones are replaced")
    parser.add_argument("names", nargs="*", help="file names of the captures to write (all, if none is given)")
    asked = parser.parse_args()
    known = {capture.name: capture for capture in CAPTURES}
    if unknown := [name for name in asked.names if name not in known]:
        parser.error(f"no shipped capture {unknown[0]!r}; there are {', '.join(known)}")
    asked.folder.mkdir(parents=True, exist_ok=True)
    for name in asked.names or known:
        path = write(known[name], asked.folder)
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
