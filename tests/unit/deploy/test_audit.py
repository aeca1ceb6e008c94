"""The dependency audit, and make validate: what was not looked at is never a pass."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROJECT = Path(__file__).parents[3]
SOUND = {"name": "lz4", "version": "4.4.5", "vulns": []}
WEAK = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": []}]}
UNKNOWN = {"name": "msgspec", "skip_reason": "not found, and could not be audited"}


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"k2_ci_{name}", PROJECT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


AUDIT, VALIDATE = loaded("audit"), loaded("validate")


@pytest.mark.parametrize(
    ("dependencies", "code", "said"),
    [
        ([SOUND], 0, "audited 1 of 1"),
        ([SOUND, WEAK], 1, "old 1.0: PYSEC-1; mended in 1.1"),
        ([SOUND, UNKNOWN], 3, "NOT AUDITED: 1 dependencies"),
        ([WEAK, UNKNOWN], 1, "PYSEC-1"),
        ([], 3, "NOT AUDITED"),
    ],
)
def test_what_was_not_audited_is_no_pass(dependencies: list[dict[str, Any]], code: int, said: str) -> None:
    found, lines = AUDIT.judged(dependencies)
    assert found == code
    assert said in "\n".join(lines)


def program(directory: Path, says: str, code: int) -> None:
    """A pip_audit in place of the real one."""
    (directory / "pip_audit.py").write_text(f"import sys\nprint({says!r})\nsys.exit({code})\n")


@pytest.mark.parametrize(
    ("says", "flags", "code", "printed"),
    [
        ("", [], 3, "NOT AUDITED"),
        ("", ["--may-be-offline"], 0, "NOT AUDITED"),
        (json.dumps({"dependencies": [SOUND, UNKNOWN]}), [], 3, "NOT AUDITED"),
        (json.dumps({"dependencies": [WEAK]}), ["--may-be-offline"], 1, "PYSEC-1"),
        (json.dumps({"dependencies": [SOUND]}), [], 0, "0 known vulnerabilities"),
    ],
)
def test_the_outcome_is_printed_and_only_lint_may_be_offline(
    says: str,
    flags: list[str],
    code: int,
    printed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program(tmp_path, says, 0)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert AUDIT.main([*flags, str(tmp_path / "requirements.txt")]) == code
    assert printed in capsys.readouterr().out


def test_lint_audits_every_file_of_pins() -> None:
    text = (PROJECT / "Makefile").read_text(encoding="utf-8")
    assert "PINNED = requirements.lock deploy/requirements.txt" in text
    assert text.count(".ci/audit.py") == 2


def test_a_validator_that_is_not_there_is_a_failure_that_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    holds, said = VALIDATE.ran(VALIDATE.Step(("no-such-validator",), "install it"))
    assert not holds
    assert said == ["no-such-validator is not here: install it"]


def test_a_file_that_had_to_be_refused_and_was_not_is_a_failure() -> None:
    step = VALIDATE.Step((Path(sys.executable).name, "-c", "print('fine')"), "", refuses="is missing a value")
    assert VALIDATE.ran(step) == (False, ["fine"])
