"""A whole run with secrets in the environment: no file that it leaves, and nothing that it prints, holds one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Harness

pytestmark = pytest.mark.e2e
SENTINEL = "sentinel-that-nobody-may-read"
SECRETS = ("K2_CLICKHOUSE_PASSWORD", "K2_READER_PASSWORD", "K2_GRAFANA_PASSWORD", "K2_WEBHOOK_URL",
           "K2_KAFKA_SASL_PASSWORD", "K2_KAFKA_KEY_PASSWORD")  # fmt: skip


@pytest.mark.parametrize("way", ["topic", "websocket"])
def test_nothing_that_a_run_leaves_holds_a_secret(
    way: str, k2_harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, SENTINEL)
    monkeypatch.setenv("K2_BOOTSTRAP", "broker.example:9093")  # whose settings the K2_KAFKA_* are, not the stack's own
    monkeypatch.setenv("K2_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("K2_CLICKHOUSE_URL", f"https://k2:{SENTINEL}@warehouse.example/k2")
    done = k2_harness("verify", "--synthetic", "1s", "--via", way, "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert SENTINEL not in done.stdout + done.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"manifest.json", "results.json", "report.html", "warehouse.log"} <= {path.name for path in written}
    assert [path for path in written if SENTINEL.encode() in path.read_bytes()] == []
