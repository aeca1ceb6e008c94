"""A night on a warehouse that may only be read: the checks hold as always, and nothing is written there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main
from tests.integration.checks_lab import laboratory, quiet

DATABASES = "SELECT name, (SELECT count() FROM system.tables WHERE database = name) FROM system.databases ORDER BY name"


def test_a_night_without_history_writes_nothing_into_the_warehouse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with laboratory(tmp_path / "lab", quiet(), 1000) as lab:
        monkeypatch.setenv("K2_CLICKHOUSE_PASSWORD", lab.address.password)
        monkeypatch.delenv("K2_WEBHOOK_URL", raising=False)
        before = lab.rows(DATABASES)
        url = f"http://default@127.0.0.1:{lab.address.port}/k2"
        code = main(["nightly", "--no-history", "--clickhouse", url, "--out", str(tmp_path / "out")])
        assert lab.rows(DATABASES) == before
    (directory,) = (tmp_path / "out").iterdir()
    night = json.loads((directory / "night.json").read_text(encoding="utf-8"))
    assert code == (0 if night["verdict"] == "pass" else 1)
    assert len(night["checks"]) > 20
    assert [check["name"] for check in night["checks"] if check.get("error")] == []
    assert "--no-history" in night["command"]
