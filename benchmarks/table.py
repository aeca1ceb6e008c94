"""The table that budgets are printed in: what was measured, against what bound, what must hold, what is aimed for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """What must hold and what is aimed for; `higher` says which side of them is good."""

    must: float
    aim: float
    higher: bool = False

    def verdict(self, value: float | None) -> str:
        """aim, must or MISSED: how far the value got; unknown without one."""
        if value is None:
            return "unknown"
        got = [name for name, limit in (("aim", self.aim), ("must", self.must)) if (value >= limit) == self.higher]
        return got[0] if got else "MISSED"


def head() -> None:
    """The first line."""
    print(f"{'':<28} {'measured':>10} {'':<9} {'of its bound':<44} {'must / aim':<18} met")


def show(name: str, value: float | None, unit: str, note: str = "", budget: Budget | None = None) -> None:
    """One line."""
    figure = "-" if value is None else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
    judged = f"{budget.must:,g} / {budget.aim:,g}" if budget else ""
    met = budget.verdict(value) if budget else ""
    print(f"{name:<28} {figure:>10} {unit:<9} {note:<44} {judged:<18} {met}".rstrip(), flush=True)


def said(note: str) -> None:
    """A sentence between lines."""
    print(f"  {note}", flush=True)
