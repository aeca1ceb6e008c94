"""The order in which a reader wants the checks: as the data flows, so that what went wrong first comes first."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Final

from harness.checks import CheckResult

_LAYERS: Final = {"bronze": 0, "dead": 1, "silver": 2, "ohlcv": 3}
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def in_order(checks: Iterable[CheckResult]) -> list[CheckResult]:
    """Suites in the order the data takes, candles from narrow to wide; each with its checks in their own order."""
    return sorted(checks, key=lambda check: place(check.suite))


def by_suite(checks: Iterable[CheckResult]) -> list[tuple[str, list[CheckResult]]]:
    """Suites in that order, each with its checks."""
    return [(suite, list(members)) for suite, members in groupby(in_order(checks), key=lambda check: check.suite)]


def place(table: str) -> tuple[int, int, str]:
    """What tables are sorted by for that order."""
    layer, _, rest = table.partition("_")
    frame = rest.partition("_")[0]
    frame = frame if layer == "ohlcv" and frame[:-1].isdigit() else "0s"
    return _LAYERS.get(layer, len(_LAYERS)), int(frame[:-1]) * _SECONDS.get(frame[-1], 0), table
