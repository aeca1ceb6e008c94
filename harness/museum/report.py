"""What a tour showed, as JSON and as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from harness.museum.tour import Seen
from harness.truth.tables import WINDOWS_S

SCHEMA_VERSION: Final = 1


def as_json(seen: Sequence[Seen], seconds: float) -> dict[str, Any]:
    """Every exhibit with the checks that failed, and where that differs from what should."""
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": "pass" if all(each.is_caught for each in seen) else "fail",
        "seconds": round(seconds, 1),
        "exhibits": [
            {
                "name": each.exhibit.name,
                "title": each.exhibit.title,
                "caught": each.is_caught,
                "failing": [finding.name for finding in each.findings],
                "missed": list(each.missed),
                "unforeseen": list(each.unforeseen),
                "stalled": each.stalled,
            }
            for each in seen
        ],
    }


def caught_by(names: Iterable[str]) -> str:
    """Names of checks in few words: those of one name together, with the suites that they are in."""
    pairs = sorted((check, suite) for suite, _, check in (name.partition(".") for name in names))
    said = []
    for check, group in groupby(pairs, key=lambda pair: pair[0]):
        said.append(f"{check} ({_suites([suite for _, suite in group])})")
    return ", ".join(said)


def _suites(suites: Sequence[str]) -> str:
    gold = [frame for frame in WINDOWS_S if f"ohlcv_{frame}" in suites]
    others = [suite for suite in suites if not suite.startswith("ohlcv_")]
    return ", ".join([*others, *([f"ohlcv {' '.join(gold)}"] if gold else [])])


def markdown(seen: Sequence[Seen], seconds: float) -> str:
    """The table and the paragraphs, as docs/museum.md has them."""
    lines = [
        f"{len(seen)} exhibits, {sum(each.is_caught for each in seen)} caught as they should be; {seconds:.0f} s.",
        "",
    ]
    lines += ["| exhibit | caught | failing checks |", "|---|---|---|"]
    for each in seen:
        failing = caught_by(finding.name for finding in each.findings)
        lines.append(f"| [{each.exhibit.title}](#{_anchor(each.exhibit.title)}) | {_verdict(each)} | {failing} |")
    for each in seen:
        lines += ["", f"## {each.exhibit.title}", "", each.exhibit.defect, ""]
        lines += [f"`harness/museum/exhibits/{each.exhibit.name}.toml`"]
    return "\n".join(lines) + "\n"


def _verdict(each: Seen) -> str:
    return "yes" if each.is_caught else "no"


def _anchor(title: str) -> str:
    """The fragment that GitHub gives a heading."""
    return "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c in "-_")
