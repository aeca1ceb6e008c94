"""A score as JSON, as Markdown, and as what a terminal shows. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from harness.mutants.operators import OPERATORS
from harness.mutants.schema import Schema
from harness.mutants.score import Outcome, Score, Scored

SCHEMA_VERSION: Final = 1
_KILLERS: Final = 3


@dataclass(frozen=True, slots=True)
class Effort:
    """What a run took: `seconds` by the clock, `cpu_seconds` of all its processes, `jobs` side by side."""

    seconds: float
    cpu_seconds: float
    jobs: int

    def said(self, mutants: int) -> str:
        """In one sentence, with the time per mutant."""
        each, each_cpu = (total / max(mutants, 1) for total in (self.seconds, self.cpu_seconds))
        return (
            f"{self.seconds:.0f} s by the clock with {self.jobs} at a time ({each:.2f} s a mutant), "
            f"{self.cpu_seconds:.0f} CPU seconds ({each_cpu:.2f} a mutant)"
        )


def as_json(score: Score, effort: Effort) -> dict[str, Any]:
    """Everything: each mutant with how it ended, and what is not true of the arguments."""
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": "pass" if score.passes else "fail",
        "kill_rate": score.rate,
        "counts": {str(outcome): len(score.of(outcome)) for outcome in Outcome},
        "seconds": round(effort.seconds, 1),
        "cpu_seconds": round(effort.cpu_seconds, 1),
        "jobs": effort.jobs,
        "mutants": [_mutant(each) for each in score.scored],
        "refuted": [{"id": trial.mutant.id, "by": trial.by} for trial in score.refuted],
        "stale": [argument.because for argument in score.stale],
    }


def _mutant(each: Scored) -> dict[str, Any]:
    mutant, trial = each.trial.mutant, each.trial
    return {
        "id": mutant.id,
        "operator": mutant.operator,
        "object": mutant.object,
        "file": mutant.file,
        "line": mutant.line,
        "outcome": str(each.outcome),
        "by": trial.by,
        "where": trial.where,
        "says": trial.says,
        "because": each.because,
        "seconds": trial.seconds,
    }


def headline(score: Score) -> str:
    """The figures in one line."""
    counts = ", ".join(f"{len(score.of(outcome)):,} {outcome}" for outcome in Outcome)
    return f"{len(score.scored):,} mutants: {counts}; kill rate {100 * score.rate:.1f} %"


def compared(changed: Collection[str], base: str) -> str:
    """Which objects were mutated, in one sentence."""
    if not changed:
        return f"no object differs from {base}, but for comments, layout and settings: nothing to mutate"
    return f"other than in {base}: {', '.join(sorted(changed))}"


def summary(score: Score, effort: Effort, schema: Schema, changed: Collection[str] | None, base: str) -> str:
    """What a pull request is told: the figures, every survivor with its lines, and arguments that are not true."""
    lines = [f"## {'✅' if score.passes else '❌'} Mutants: {headline(score)}", ""]
    if changed is not None:
        lines += [f"{compared(changed, base)}.", ""]
    for each in score.of(Outcome.SURVIVED):
        mutant = each.trial.mutant
        lines += [f"- **survived**: `{mutant.file}:{mutant.line}` {_cell(mutant.id)}: {_cell(each.trial.says)}"]
        lines += ["", "```diff", *(line.replace("```", "") for line in difference(each, schema)), "```", ""]
    lines += [f"- **not true**: {_cell(sentence)}" for sentence in wrong_arguments(score)]
    return "\n".join([*lines, "", markdown(score, effort)])


def markdown(score: Score, effort: Effort) -> str:
    """The figures and the table of operators, as docs/mutants.md has them."""
    lines = [f"{headline(score)}. {effort.said(len(score.scored))}.", ""]
    lines += ["| operator | the bug it stands for | mutants | killed | stillborn | equivalent | survived | killed by |"]
    lines += ["|---|---|---:|---:|---:|---:|---:|---|"]
    for operator, counts in score.by_operator().items():
        numbers = (counts[each] for each in (Outcome.KILLED, Outcome.STILLBORN, Outcome.EQUIVALENT, Outcome.SURVIVED))
        cells = [f"`{operator}`", _cell(OPERATORS[operator].WHY), str(counts.total()), *map(str, numbers)]
        lines.append(f"| {' | '.join([*cells, killers(score, operator)])} |")
    return "\n".join(lines) + "\n"


def killers(score: Score, operator: str) -> str:
    """The busiest checks, and how many more there were."""
    found = score.killers(operator)
    more = f", {len(found) - _KILLERS} more" if len(found) > _KILLERS else ""
    return ", ".join(f"{name} {count}" for name, count in found[:_KILLERS]) + more


def arguments_markdown(score: Score) -> str:
    """Why equivalents are, each argument with how many mutants it is about."""
    groups: dict[str, list[Scored]] = {}
    for each in score.of(Outcome.EQUIVALENT):
        groups.setdefault(each.because, []).append(each)
    lines = ["| mutants | for example | they mean the same, because |", "|---:|---|---|"]
    for because, found in sorted(groups.items(), key=lambda item: -len(item[1])):
        first = found[0].trial.mutant
        lines.append(f"| {len(found)} | `{first.object}`: {_cell(_short(first.change))} | {_cell(because)} |")
    return "\n".join(lines) + "\n"


def difference(each: Scored, schema: Schema) -> Iterator[str]:
    """The lines of the statement that the mutant changes, as `-` and `+`."""
    before = schema.objects[each.trial.mutant.object].sql.splitlines()
    lines = difflib.unified_diff(before, each.trial.mutant.sql.splitlines(), lineterm="", n=0)
    yield from (line for line in lines if line[:2] not in {"--", "++", "@@"})


def wrong_arguments(score: Score) -> Iterator[str]:
    """A sentence for each argument that does not hold."""
    for trial in score.refuted:
        yield f"{trial.mutant.id}: called equivalent, yet {trial.by} kills it; mend equivalents.toml"
    for argument in score.stale:
        pattern = f"{argument.object}/{argument.operator}/{argument.change}"
        yield f"{pattern}: no mutant of this schema is meant by it; mend equivalents.toml"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _short(text: str, most: int = 70) -> str:
    return text if len(text) <= most else text[: most - 2] + ".."
