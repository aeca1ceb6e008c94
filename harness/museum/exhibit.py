"""An exhibit: one defect, how the schema of today gets it, and which checks must then fail. Read from exhibits/*.toml.

title = "Random UUIDs for trades"
defect = "One paragraph: what was done, and what came of it."
fails = ["silver_trades.trades_equal_truth"]     # these, and no others
may = ["ohlcv_*"]                                # unless it depends on the gold design whether it gets that far

[[change]]
objects = "silver_trades_mv"                     # a shell pattern, like the names of checks above
value = "message_id"                             # one of `change.KINDS`
by = "generateUUIDv4()"
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from harness.museum.change import KINDS, Change
from k2pipeline.schema import SchemaError

EXHIBITS: Final = Path(__file__).resolve().parent / "exhibits"
_REQUIRED: Final = frozenset(("title", "defect", "fails", "change"))
_KNOWN: Final = _REQUIRED | {"may"}


class ExhibitError(SchemaError):
    """An exhibit cannot be understood, or cannot be made from this schema."""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """`name` is that of its file. `fails` and `may` are patterns over the names of checks."""

    name: str
    title: str
    defect: str
    fails: tuple[str, ...]
    may: tuple[str, ...]
    changes: tuple[Change, ...]

    def due(self, checks: Iterable[str]) -> frozenset[str]:
        """Those of all checks that must fail. Raises ExhibitError where a pattern is about none of them."""
        return self._matching(checks, self.fails)

    def allowed(self, checks: Iterable[str]) -> frozenset[str]:
        """Those that need not fail, and may. Raises ExhibitError where a pattern is about no check."""
        return self._matching(checks, self.may)

    def _matching(self, checks: Iterable[str], patterns: Iterable[str]) -> frozenset[str]:
        names = list(checks)
        found = {pattern: [name for name in names if fnmatchcase(name, pattern)] for pattern in patterns}
        if stale := [pattern for pattern, matched in found.items() if not matched]:
            raise ExhibitError(
                f"{self.name}: no check that is run here is called {', '.join(stale)}; "
                f"mend harness/museum/exhibits/{self.name}.toml"
            )
        return frozenset(name for matched in found.values() for name in matched)


def load_exhibits(folder: Path = EXHIBITS) -> tuple[Exhibit, ...]:
    """All exhibits of a folder, by name. Raises ExhibitError where one is not complete."""
    return tuple(_read(path) for path in sorted(folder.glob("*.toml")))


def _read(path: Path) -> Exhibit:
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    if not _REQUIRED <= content.keys() <= _KNOWN:
        wrong = ", ".join(sorted((_REQUIRED - content.keys()) | (content.keys() - _KNOWN)))
        raise ExhibitError(f"{path}: {wrong} missing or not known; {', '.join(sorted(_KNOWN))} are")
    changes = tuple(_change(path, entry) for entry in content["change"])
    fails, may = (tuple(content.get(name, ())) for name in ("fails", "may"))
    return Exhibit(path.stem, content["title"], " ".join(content["defect"].split()), fails, may, changes)


def _change(path: Path, entry: Mapping[str, Any]) -> Change:
    kinds = entry.keys() & KINDS.keys()
    if len(kinds) != 1 or not {"objects"} | kinds <= entry.keys() <= {"objects", "by"} | kinds:
        raise ExhibitError(
            f"{path}: a change has objects, by and one of {', '.join(KINDS)}; this has {', '.join(entry)}"
        )
    (kind,) = kinds
    return Change(entry["objects"], kind, entry[kind], entry.get("by", ""))
