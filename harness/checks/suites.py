"""Reads expectations/: one suite a file, in Great Expectations' own JSON form, found by listing the folder.

    {"name": "silver_trades",
     "meta": {"batch": "SELECT * FROM k2.silver_trades FINAL", "since": "processed_at"},
     "expectations": [
       {"type": "expect_no_row_lost", "severity": "critical",
        "kwargs": {"truth": "k2_truth.silver_trades", "key": ["exchange", "symbol", "trade_id"]},
        "meta": {"name": "no_trade_lost", "kind": "exact", "layer": "silver", "why": "Nothing vanishes.",
                 "misses": "Wrong values."}}]}

`batch` is the query whose rows are checked, `since` the column by which they can be narrowed to recent ones; where
that is the start of a window, `window_s` is its length. A suite is named after its file. latency.json and growth.json
are other things, see slos.py and growth.py.

`kind` is exact (needs the truth) or standing. `layer` is where the defect would be; one of layer FEED is in what was
sent to us, so it is an alarm at night, and no failure of a run that knows what was sent. `why` is what the check
verifies, `misses`, which may be left out, what it does not; docs/checks.md is made of both.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from k2pipeline.shipped import SHIPPED

EXPECTATIONS: Final = SHIPPED / "expectations"
LATENCY: Final = "latency"
GROWTH: Final = "growth"
_NO_SUITES: Final = (LATENCY, GROWTH)
KINDS: Final = ("exact", "standing")
FEED: Final = "feed"
SEVERITIES: Final = ("critical", "warning", "info")
_META: Final = frozenset({"name", "kind", "layer", "why"})
_MISSES: Final = "misses"
_WINDOW: Final = "window_start"
_OTHERS: Final = ("parts", "among", "other")
_ROLLS_UP: Final = "parts"
_REACHES_SILVER: Final = "identity"
_DAY_NS: Final = 86_400 * 10**9


class SuiteError(ValueError):
    """A suite that cannot be understood; the message names the file and what it should say."""


@dataclass(frozen=True)
class Check:
    """One expectation of a suite. `definition` is its JSON, as Great Expectations takes it."""

    name: str
    kind: str
    layer: str
    severity: str
    why: str
    definition: Mapping[str, Any]
    misses: str = ""

    def narrowed(self, condition: str, since_ns: int, until_ns: int | None) -> Check:
        """This check with the condition on what its batch is compared with, where that has the same column.

        A candle and its parts are written one after another: what was written of either at `until_ns` (since 1970) or
        later leaves its window out. And of silver only what came since is looked through.
        """
        kwargs = self.definition.get("kwargs", {})
        more: dict[str, Any] = {
            name: f"(SELECT * FROM {kwargs[name]} {condition})" for name in _OTHERS if name in kwargs
        }
        if _ROLLS_UP in kwargs and until_ns is not None:
            more["until_us"] = until_ns // 1_000
        if _REACHES_SILVER in kwargs:
            more["since_us"] = since_ns // 1_000
        return replace(self, definition={**self.definition, "kwargs": {**kwargs, **more}}) if more else self


@dataclass(frozen=True)
class Suite:
    """The checks of one table."""

    name: str
    batch: str
    checks: tuple[Check, ...]
    since: str = ""
    window_s: int = 0

    def of(self, kinds: Collection[str]) -> Suite:
        """This suite with the checks of these kinds only."""
        return replace(self, checks=tuple(check for check in self.checks if check.kind in kinds))

    def narrowed(self, since_ns: int, until_ns: int | None = None) -> Suite:
        """This suite on the rows of [since_ns, until_ns) (since 1970), and on all of them if it has no such column.

        Windows go back to midnight, where those of every length begin, and so does what they are made of; one that is
        still open at the end is left out.
        """
        if not self.since:
            return self
        is_window = self.since == _WINDOW
        bounds = [f"{self.since} >= {_moment(since_ns // _DAY_NS * _DAY_NS if is_window else since_ns)}"]
        if until_ns is not None:
            length_ns = self.window_s * 10**9 if is_window else 1
            bounds.append(f"{self.since} < {_moment(until_ns // length_ns * length_ns)}")
        condition = f"WHERE {' AND '.join(bounds)}"
        checks = tuple(check.narrowed(condition, since_ns, until_ns) for check in self.checks)
        return replace(self, batch=f"SELECT * FROM ({self.batch}) {condition}", checks=checks)


def load_suites(folder: Path = EXPECTATIONS, named: Collection[str] = ()) -> list[Suite]:
    """The suites of a folder in the order of their names; of `named` only those, where any are named.

    Raises SuiteError when there is none, when one is unknown, and when a file is not a suite.
    """
    files = {path.stem: path for path in sorted(folder.glob("*.json")) if path.stem not in _NO_SUITES}
    if not files:
        raise SuiteError(f"{folder}: no suite here (no *.json file); give the folder of the suites")
    for name in named:
        if name not in files:
            raise SuiteError(f"no suite {name!r} in {folder}; there are {', '.join(files)}")
    return [load_suite(path) for name, path in files.items() if not named or name in named]


def load_suite(path: Path) -> Suite:
    """Read one file. Raises SuiteError when it is not a suite."""
    try:
        return _suite(path.stem, _object(json.loads(path.read_text(encoding="utf-8")), "a suite"))
    except (SuiteError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path}: {error}") from error


def _suite(stem: str, content: dict[str, Any]) -> Suite:
    if content.get("name") != stem:
        raise SuiteError(f"name is {content.get('name')!r}; name it after its file")
    meta = _object(content.get("meta"), "meta")
    batch, since = _text(meta, "batch"), meta.get("since", "")
    if not isinstance(since, str):
        raise SuiteError(f"meta.since is {since!r}; give the column that says when a row came, or leave it out")
    window_s = meta.get("window_s", 0)
    if not isinstance(window_s, int) or (since == _WINDOW) != (window_s > 0):
        raise SuiteError(
            f"meta.window_s is {window_s!r}; where since is {_WINDOW} give its length in seconds, else none"
        )
    # Great Expectations hands the query to SQLAlchemy as text, where these are marks of parameters.
    if set(":%$") & set(batch):
        raise SuiteError(f"meta.batch is {batch!r}; none of : % $ would reach the warehouse")
    checks = tuple(_check(_object(each, "an expectation")) for each in content.get("expectations") or ())
    names = [check.name for check in checks]
    if not checks or len(set(names)) < len(names):
        raise SuiteError(f"expectations are {', '.join(names) or 'none'}; give at least one, each its own name")
    return Suite(stem, batch, checks, since, window_s)


def _moment(ns: int) -> str:
    return f"fromUnixTimestamp64Micro({ns // 1_000}, 'UTC')"


def _check(definition: dict[str, Any]) -> Check:
    kind_of_check = _text(definition, "type")
    meta = _object(definition.get("meta"), f"meta of {kind_of_check}")
    if set(meta) - {_MISSES} != _META:
        raise SuiteError(f"meta of {kind_of_check} has {', '.join(meta)}; give {', '.join(sorted(_META))}")
    return Check(
        name=_text(meta, "name"),
        kind=_text(meta, "kind", KINDS),
        layer=_text(meta, "layer"),
        severity=_text(definition, "severity", SEVERITIES),
        why=_text(meta, "why"),
        definition=definition,
        misses=_text(meta, _MISSES) if _MISSES in meta else "",
    )


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SuiteError(f"{what} is a JSON object, not {value!r}")
    return value


def _text(where: Mapping[str, Any], field: str, among: Collection[str] = ()) -> str:
    value = where.get(field)
    if not isinstance(value, str) or not value or (among and value not in among):
        wanted = f"one of {', '.join(among)}" if among else "a text"
        raise SuiteError(f"{field} is {value!r}; give {wanted} (in {json.dumps(where)[:200]})")
    return value
