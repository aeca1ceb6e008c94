"""What a run is going to do, understood before anything starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.captures import CapturedFrame, read_merged
from harness.checks import EXPECTATIONS, load_suites
from harness.faults import FaultSpec, parse_fault
from harness.pace import Pace, parse_rate
from harness.scenario import Scenario, ScenarioError
from harness.survey import survey_for_replay
from harness.synthetic import check_id_jumps, check_symbols, parse_duration, synthetic


@dataclass(frozen=True, slots=True)
class Plan:
    """A scenario whose every part has been understood: a wrong one is refused before anything starts."""

    scenario: Scenario
    pace: Pace
    faults: tuple[FaultSpec, ...]
    duration_ns: int

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


def plan(scenario: Scenario) -> Plan:
    """Check a scenario, reading its captures once.

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
    survey_for_replay(scenario.captures)
    return Plan(scenario, pace, faults, duration_ns)
