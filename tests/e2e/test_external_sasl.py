"""A broker behind SASL and TLS: topics, feed handlers and the harness reach it, and nobody does without the password.

The broker is Kafka with two listeners. Ours is the one by SASL_SSL; the warehouse reads by the other, as a ClickHouse
server would have the credentials in its own configuration.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.scenario import Scenario
from k2pipeline.exchanges import EXCHANGES
from k2pipeline.stack import Stack, StackError, start_stack
from k2pipeline.stack.kafka import SecureListener
from k2pipeline.stack.topics import topic_partitions
from tests.integration.exchange_tls import self_signed

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]
PASSWORD = "sentinel-of-the-broker"  # noqa: S105
PARTITIONS = Scenario(synthetic="1s").partitions
ONE_TABLE = "CREATE TABLE IF NOT EXISTS t (x Int8) ENGINE = MergeTree ORDER BY x;\n"


@dataclass(frozen=True)
class Secured:
    """A Kafka with a SASL_SSL listener, and the environment of those who may use it."""

    stack: Stack
    listener: SecureListener
    environment: Mapping[str, str]

    def ran(self, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a module of ours with its arguments."""
        return subprocess.run(
            [sys.executable, "-m", *map(str, command)],
            env={**os.environ, **self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    directory = tmp_path_factory.mktemp("sasl")
    certificate = self_signed(directory)
    listener = SecureListener(certificate, "k2", PASSWORD)
    with start_stack("kafka", workdir=directory / "stack", secure=listener) as stack:
        environment = {
            "K2_BOOTSTRAP": listener.bootstrap,
            "K2_WAREHOUSE_BOOTSTRAP": stack.warehouse_bootstrap,
            "K2_CLICKHOUSE_URL": f"{stack.warehouse.url}/k2",
            "K2_CLICKHOUSE_PASSWORD": stack.warehouse.password,
            "K2_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "K2_KAFKA_SASL_MECHANISM": "PLAIN",
            "K2_KAFKA_SASL_USERNAME": listener.user,
            "K2_KAFKA_SASL_PASSWORD": PASSWORD,
            "K2_KAFKA_CA_FILE": str(certificate),
        }
        yield Secured(stack, listener, environment)


def test_a_run_through_feed_handlers_holds_and_no_file_of_it_has_a_password(secured: Secured, tmp_path: Path) -> None:
    flags = ("--stack", "external", "--synthetic", "2s", "--via", "websocket", "--out", tmp_path)
    done = secured.ran("harness.cli", "verify", *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    (results,) = tmp_path.glob("*/results.json")
    assert json.loads(results.read_text())["counts"]["silver_trades"] > 100
    secrets = (PASSWORD, secured.stack.warehouse.password)
    assert [secret for secret in secrets if secret in done.stdout + done.stderr] == []
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path for path in files for secret in secrets if secret.encode() in path.read_bytes()] == []


def test_migrate_makes_the_topics_with_the_password(secured: Secured, tmp_path: Path) -> None:
    (tmp_path / "001_table.sql").write_text(ONE_TABLE)
    there = f"{secured.stack.warehouse.url}/migrated"
    brokers = ("--brokers", secured.listener.bootstrap, "--partitions", str(PARTITIONS))
    done = secured.ran("k2pipeline.cli", "migrate", *brokers, "--sql", tmp_path, K2_CLICKHOUSE_URL=there)
    assert (done.returncode, done.stdout) == (0, "001_table.sql\n"), done.stderr
    made = topic_partitions(secured.stack.bootstrap)
    assert {made[exchange.topic] for exchange in EXCHANGES.values()} == {PARTITIONS}


@pytest.mark.parametrize(
    "command",
    [
        ("k2pipeline.cli", "migrate", "--brokers", "BOOTSTRAP", "--partitions", str(PARTITIONS)),
        (
            "k2pipeline.cli",
            "feed",
            "kraken",
            "--symbols",
            "BTC/USD",
            "--bootstrap",
            "BOOTSTRAP",
            "--url",
            "ws://127.0.0.1:1",
        ),
        ("harness.cli", "verify", "--stack", "external", "--synthetic", "1s"),
    ],
    ids=["migrate", "feed", "verify"],
)
def test_a_wrong_password_is_code_3_and_is_shown_nowhere(
    command: tuple[str, ...], secured: Secured, tmp_path: Path
) -> None:
    words = [secured.listener.bootstrap if word == "BOOTSTRAP" else word for word in command]
    out = ["--out", str(tmp_path)] if "verify" in command else []
    done = secured.ran(*words, *out, K2_KAFKA_SASL_PASSWORD="wrong-and-secret")  # noqa: S106
    assert done.returncode == 3, done.stdout + done.stderr
    assert "uthentication" in done.stderr
    assert "wrong-and-secret" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_nobody_gets_in_in_plain_text(secured: Secured) -> None:
    with pytest.raises(StackError, match="no Kafka broker answers"):
        topic_partitions(secured.listener.bootstrap)
