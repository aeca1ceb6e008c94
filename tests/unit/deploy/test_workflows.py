"""The workflows run what anybody can run: each step that does something is a make target, and its outcome is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.captures import PROJECT

WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
CI = PROJECT / ".github" / "workflows" / "ci.yml"
TARGET = re.compile(r"make ([a-z0-9-]+)((?: [A-Z]+=\S+)*)(?: *#.*)?")
MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
# What only tells of a step before it: the page of the run, and the comment on the pull request.
TELLING = re.compile(r"cat runs/[^;&|]* >> \"\$GITHUB_STEP_SUMMARY\"|summary=[^;&|]*\ngh pr comment [^;]*")


def read(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def runs(path: Path) -> Iterator[tuple[str, str]]:
    """Job and command of each step that runs one."""
    for name, job in read(path)["jobs"].items():
        for step in job["steps"]:
            if "run" in step:
                yield name, step["run"].strip()


def made(path: Path) -> dict[str, list[str]]:
    """The make targets of each job."""
    found: dict[str, list[str]] = {}
    for job, command in runs(path):
        if target := TARGET.fullmatch(command):
            found.setdefault(job, []).append(target[1])
    return found


@pytest.mark.parametrize(("job", "command"), list(runs(CI)))
def test_every_step_of_ci_is_a_make_target_or_tells_of_one(job: str, command: str) -> None:
    assert TARGET.fullmatch(command) or TELLING.fullmatch(command), f"{job} runs {command!r}: make it a target"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_make_target_and_variable_that_a_workflow_gives_is_in_the_makefile(path: Path) -> None:
    for _, command in runs(path):
        for target, variables in TARGET.findall(command):
            assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), f"{path.name}: make {target}"
            for name in re.findall(r"([A-Z]+)=", variables):
                assert f"$({name})" in MAKEFILE, f"{path.name}: make {target} {name}=.. is read by nothing"


def test_what_the_design_asks_for_is_run_in_jobs_of_its_own() -> None:
    jobs = made(CI)
    assert {name: targets[-1] for name, targets in jobs.items()} == {
        "lint": "audit",
        "validate": "validate",
        "kafka": "e2e",
        "test": "test",
        "gate": "gate",
        "mutants": "mutants",
        "museum": "museum",
        "load": "loadtest",
    }
    assert jobs["test"] == ["browser", "test"]
    assert jobs["lint"] == ["lint", "audit"]


@pytest.mark.parametrize("job", ["gate", "mutants", "load"])
def test_what_a_job_found_is_told_and_uploaded_even_where_it_failed(job: str) -> None:
    steps = read(CI)["jobs"][job]["steps"]
    telling = [step for step in steps if "GITHUB_STEP_SUMMARY" in step.get("run", "")]
    uploads = [step for step in steps if step.get("uses", "").startswith("actions/upload-artifact@")]
    assert len(telling) == len(uploads) == 1
    assert all(step["if"] == "${{ !cancelled() }}" for step in (*telling, *uploads))


def test_lint_holds_both_generated_pages_to_what_they_are_made_from() -> None:
    recipe = MAKEFILE.split("\nlint:", 1)[1].split("\n\n", 1)[0]
    assert "k2-harness checks --check" in recipe
    assert "k2-harness tables --check" in recipe


def test_every_job_ends_within_a_stated_time() -> None:
    for name, job in read(CI)["jobs"].items():
        assert 1 <= job["timeout-minutes"] <= 60, name
