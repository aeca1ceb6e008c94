"""k2-harness detect as a user meets it: one fault, found, in the directory of a run."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Harness
from tests.integration.report.made_run import GOOD, made_run

pytestmark = pytest.mark.e2e


def test_a_fault_is_found_and_the_runs_report_shows_it(tmp_path: Path, k2_harness: Harness) -> None:
    directory = made_run(tmp_path, GOOD)
    done = k2_harness(
        "detect", "--fault", "zero_size", "--intensity", "2", "--clean", "1", "--out", directory, "--json"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    content = json.loads(done.stdout)
    assert content == json.loads((directory / "detection.json").read_text())
    (fault,) = content["by_fault"]
    assert (fault["fault"], fault["injected"], fault["found"], fault["false_alarms"]) == ("zero_size", 2, 2, 0)
    assert content["clean_runs"][0]["alarms"] == 0
    page = (directory / "report.html").read_text()
    assert "silver_trades.trades_are_plausible" in page
    assert "| `zero_size` | 2 | 2 | 0 | 100 % |" in (directory / "detection.md").read_text()
