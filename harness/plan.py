"""What a run is going to do, understood before anything starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from harness.captures import CapturedFrame, read_merged
from harness.checks import EXPECTATIONS, load_suites
from harness.faults import FaultSpec, parse_fault
from harness.pace import Pace, parse_rate
from harness.scenario import Scenario, ScenarioError
from harness.survey import Survey, survey_for_replay
from harness.synthetic import check_id_jumps, check_symbols, parse_duration, synthetic


@dataclass(frozen=True, slots=True)
class Plan:
    """A scenario whose every part has been understood: a wrong one is refused before anything starts."""

    scenario: Scenario
    pace: Pace
    faults: tuple[FaultSpec, ...]
    duration_ns: int
    surveys: tuple[Survey, ...] = ()

    def frames(self) -> Iterable[CapturedFrame]:
        """The frames to replay, in order."""
        if self.scenario.captures:
            return read_merged(self.scenario.captures)
        return synthetic(
            self.duration_ns,
            self.scenario.seed,
            symbols=self.scenario.symbols,
            id_jumps_per_million=self.scenario.id_jumps,
        )


class Meter:
    """Which share of a plan's frames has been taken: of captures by their number, of generated trades by their time,
    for nobody knows how many there will be.
    """

    def __init__(self, planned: Plan) -> None:
        self._frames = sum(found.frames for found in planned.surveys)
        self._duration_ns = planned.duration_ns
        self._taken = self._first_ns = self._last_ns = 0

    def through(self, frames: Iterable[CapturedFrame]) -> Iterator[CapturedFrame]:
        """The frames, each counted when it is taken."""
        for captured in frames:
            if not self._taken:
                self._first_ns = captured.recv_ns
            self._taken += 1
            self._last_ns = captured.recv_ns
            yield captured

    @property
    def share(self) -> float:
        """From 0 to 1."""
        if self._frames:
            return min(self._taken / self._frames, 1.0)
        return max(min((self._last_ns - self._first_ns) / self._duration_ns, 1.0), 0.0)


def plan(scenario: Scenario, told: Callable[[str], None] = lambda _: None) -> Plan:
    """Check a scenario, reading its captures once; `told` is how far that is.

    Raises CaptureError, PaceError, FaultError, SuiteError or ScenarioError.
    """
    pace = parse_rate(scenario.rate)
    faults = tuple(parse_fault(text) for text in scenario.faults)
    try:
        duration_ns = parse_duration(scenario.synthetic) if scenario.synthetic else 0
        check_symbols(scenario.symbols)
        check_id_jumps(scenario.id_jumps)
    except ValueError as error:
        raise ScenarioError(str(error)) from error
    load_suites(EXPECTATIONS, scenario.suites)
    return Plan(scenario, pace, faults, duration_ns, tuple(survey_for_replay(scenario.captures, told)))
