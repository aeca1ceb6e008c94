"""Charts of what each process takes: memory, and processor time as a share of a core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.report import words
from harness.report.chart import Axis, Chart, Line, Number

_ROLES: Final = ("first", "second", "third", "fourth")
_MIB: Final = 2**20


def resource_charts(sampled: Mapping[str, Any], time_axis: Axis, group: str) -> list[Chart]:
    """The charts of the samples in series.json; none where a run has not sampled its processes."""
    x = [t_ms / 1000 for t_ms in sampled["t_ms"]]
    memory: Mapping[str, Sequence[int]] = sampled.get("memory_bytes", {})
    cpu: Mapping[str, Sequence[int]] = sampled.get("cpu_ms", {})
    if len(x) < 2 or not memory or not cpu:
        return []
    held = [Line(name, role, [at / _MIB for at in values]) for (name, values), role in _with_roles(memory)]
    used = [Line(name, role, _percent_of_core(values, sampled["t_ms"])) for (name, values), role in _with_roles(cpu)]
    return [
        Chart("memory", "Resident memory, by process", _most(memory), x, time_axis, _MEMORY, held, group=group),
        Chart("cpu", "Processor, by process", _busiest(cpu, sampled["t_ms"]), x, time_axis, _CPU, used, group=group),
    ]


def mebibytes(value: Number) -> str:
    """Memory in words."""
    return f"{value:,.0f} MiB"


def _with_roles(by_process: Mapping[str, Sequence[int]]) -> list[tuple[tuple[str, Sequence[int]], str]]:
    return [(each, _ROLES[number % len(_ROLES)]) for number, each in enumerate(by_process.items())]


def _percent_of_core(cpu_ms: Sequence[int], t_ms: Sequence[int]) -> list[Number | None]:
    # A process that starts again begins to count anew, so a step back says nothing.
    return [None] + [
        100 * max(cpu_ms[place] - cpu_ms[place - 1], 0) / max(t_ms[place] - t_ms[place - 1], 1)
        for place in range(1, len(t_ms))
    ]


def _most(memory: Mapping[str, Sequence[int]]) -> str:
    most = ", ".join(f"{name} {mebibytes(max(values) / _MIB)}" for name, values in memory.items())
    together = max(sum(row) for row in zip(*memory.values(), strict=True))
    return f"At most {most}; together {mebibytes(together / _MIB)}."


def _busiest(cpu_ms: Mapping[str, Sequence[int]], t_ms: Sequence[int]) -> str:
    span_ms = max(t_ms[-1] - t_ms[0], 1)
    means = {name: 100 * (values[-1] - values[0]) / span_ms for name, values in cpu_ms.items()}
    return "Over the whole run: " + ", ".join(f"{name} {mean:.0f} % of a core" for name, mean in means.items()) + "."


_MEMORY: Final = Axis("resident memory", mebibytes, words.short_count)
_CPU: Final = Axis("% of a core", lambda value: f"{value:.0f} %", words.short_count)
