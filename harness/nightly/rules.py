"""Which measures of a night are judged, and how: rules.toml, read into values."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

RULES: Final = Path(__file__).resolve().parent / "rules.toml"
_DIRECTIONS: Final = ("falls", "rises", "both", "nothing")


@dataclass(frozen=True, slots=True)
class Rule:
    """How one metric is judged; rules.toml says what each field means."""

    metric: str
    title: str
    watch: str
    severity: str
    spreads: float
    least_share: float
    least: float
    critical_below: float | None
    critical_above: float | None

    @property
    def counts(self) -> bool:
        """Whether it is a number of things; else it is a time in us."""
        return not self.metric.endswith("_us")

    @property
    def watches_falls(self) -> bool:
        """Whether less than usual is bad."""
        return self.watch in ("falls", "both")

    @property
    def watches_rises(self) -> bool:
        """Whether more than usual is bad."""
        return self.watch in ("rises", "both")

    @property
    def say(self) -> Callable[[float], str]:
        """Writes a value of the metric."""
        return _count if self.counts else _time


def load_rules(path: Path = RULES) -> dict[str, Rule]:
    """The rules by metric, in the order of the file. Raises ValueError for one that cannot be understood."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    usual: Mapping[str, Any] = content.pop("usual")
    return {metric: _rule(metric, {**usual, **given}) for metric, given in content.items()}


def _rule(metric: str, given: Mapping[str, Any]) -> Rule:
    if given["watch"] not in _DIRECTIONS:
        raise ValueError(f"{metric}: watch is {given['watch']!r}; give one of {', '.join(_DIRECTIONS)}")
    return Rule(metric=metric, **{"critical_below": None, "critical_above": None, **given})


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _time(value: float) -> str:
    if value >= 120_000_000:
        return f"{value / 60_000_000:,.0f} min"
    if value >= 10_000_000:
        return f"{value / 1_000_000:,.0f} s"
    return f"{value / 1000:,.0f} ms" if value >= 100_000 else f"{value / 1000:,.3g} ms"
