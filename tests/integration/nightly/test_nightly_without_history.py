"""A night on a warehouse that may only be read: the checks hold as always, and nothing is written there."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from harness.nightly.window import SETTLED_NS
from tests.integration.checks_lab import laboratory
from tests.integration.nightly.nights import MINUTE_NS, retime, run_nightly, tonight

DATABASES = "SELECT name, (SELECT count() FROM system.tables WHERE database = name) FROM system.databases ORDER BY name"


def test_a_night_without_history_writes_nothing_into_the_warehouse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    until_ns = time.time_ns() - 2 * SETTLED_NS
    with laboratory(tmp_path / "lab", tonight(until_ns - 6 * MINUTE_NS), 1000) as lab:
        retime(lab)
        monkeypatch.setenv("K2_CLICKHOUSE_PASSWORD", lab.address.password)
        monkeypatch.delenv("K2_WEBHOOK_URL", raising=False)
        before = lab.rows(DATABASES)
        code, directory = run_nightly(lab, until_ns + SETTLED_NS, tmp_path / "out", "--no-history")
        assert lab.rows(DATABASES) == before
    night = json.loads((directory / "night.json").read_text(encoding="utf-8"))
    assert [check["name"] for check in night["checks"] if not check["success"]] == []
    assert (code, night["verdict"]) == (0, "pass")
    assert len(night["checks"]) > 20
    assert [check["name"] for check in night["checks"] if check.get("error")] == []
    assert "--no-history" in night["command"]
