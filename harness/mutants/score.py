"""What a run over mutants amounts to: how each ended, which arguments do not hold, and the rate. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from harness.mutants.derive import Mutant
from harness.mutants.equivalents import Argument, argument_for
from harness.mutants.trial import Fate, Trial


class Outcome(StrEnum):
    """How a mutant ended."""

    KILLED = "killed"
    SURVIVED = "survived"
    STILLBORN = "stillborn"
    EQUIVALENT = "equivalent"


_SAME: Final = "the engine stores the very definition that it stores without the change"


@dataclass(frozen=True, slots=True)
class Scored:
    """A trial and what it counts as; `because` is the argument of an equivalent."""

    trial: Trial
    outcome: Outcome
    because: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """`refuted` are mutants that an argument calls equivalent and a check killed; `stale` arguments that are about no
    mutant of the schema. Either is an error: what is written there is not true.
    """

    scored: tuple[Scored, ...]
    refuted: tuple[Trial, ...]
    stale: tuple[Argument, ...]

    @property
    def passes(self) -> bool:
        """Whether every mutant was killed or explained, by arguments that all hold."""
        return not (self.of(Outcome.SURVIVED) or self.refuted or self.stale)

    def of(self, outcome: Outcome) -> list[Scored]:
        return [each for each in self.scored if each.outcome is outcome]

    @property
    def rate(self) -> float:
        """Killed, of those that a check could have killed. 1.0 where there was none."""
        killed, survived = len(self.of(Outcome.KILLED)), len(self.of(Outcome.SURVIVED))
        return killed / (killed + survived) if killed + survived else 1.0

    def by_operator(self) -> Mapping[str, Counter[Outcome]]:
        """How the mutants of each operator ended."""
        found: dict[str, Counter[Outcome]] = {}
        for each in self.scored:
            found.setdefault(each.trial.mutant.operator, Counter())[each.outcome] += 1
        return dict(sorted(found.items()))

    def killers(self, operator: str = "") -> list[tuple[str, int]]:
        """Checks that killed mutants, of an operator or of all, the busiest first; suites' names left out."""
        names = (
            each.trial.by.rpartition(".")[2]
            for each in self.of(Outcome.KILLED)
            if operator in {"", each.trial.mutant.operator}
        )
        return Counter(names).most_common()


def score(trials: Iterable[Trial], arguments: Sequence[Argument], derived: Iterable[Mutant]) -> Score:
    """Judge trials. `derived` are all mutants of the schema, tried or not: an argument about none of them is stale."""
    scored = tuple(sorted((_scored(trial, arguments) for trial in trials), key=lambda each: each.trial.mutant.id))
    refuted = tuple(
        each.trial
        for each in scored
        if each.outcome is Outcome.KILLED and argument_for(each.trial.mutant, arguments) is not None
    )
    mutants = list(derived)
    stale = tuple(argument for argument in arguments if not any(argument.meets(mutant) for mutant in mutants))
    return Score(scored, refuted, stale)


def _scored(trial: Trial, arguments: Sequence[Argument]) -> Scored:
    if trial.fate is Fate.SAME:
        return Scored(trial, Outcome.EQUIVALENT, _SAME)
    if trial.fate is Fate.SURVIVED and (argument := argument_for(trial.mutant, arguments)) is not None:
        return Scored(trial, Outcome.EQUIVALENT, argument.because)
    return Scored(trial, Outcome(str(trial.fate)))
