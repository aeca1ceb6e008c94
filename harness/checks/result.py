"""What a check found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CheckResult:
    """One check: `<suite>.<name>` is its stable identifier.

    unexpected: how many rows (candles, offsets, ids) are not as they should be; 0 with `error` set when the check
    could not be carried out, which is a failure too. sample: some of them, values as ClickHouse prints them.
    seconds: its own queries, and an equal part of what all checks of its suite share. observed: figures that a
    check reports whether it holds or not, such as the gaps found.
    """

    suite: str
    name: str
    layer: str
    kind: str
    severity: str
    success: bool
    unexpected: int
    sample: tuple[Mapping[str, str], ...]
    error: str | None
    seconds: float
    why: str
    observed: Mapping[str, int] = field(default_factory=dict)
