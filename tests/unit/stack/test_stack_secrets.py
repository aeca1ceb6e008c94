"""SASL, TLS and passwords: from the environment to the client that needs them, and nowhere else."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from harness.manifest import repeat_command, write_manifest
from harness.scenario import Scenario
from harness.ways import handlers
from k2pipeline.broker_security import broker_settings
from k2pipeline.schema import DEFAULT_DIRECTORY
from k2pipeline.stack import StackError, WarehouseAddress, start_stack
from k2pipeline.stack.external import warehouse_address

BROKER = "broker.example:9093"
SECRET = "hush-hush"  # noqa: S105
SASL = {
    "K2_BOOTSTRAP": BROKER,
    "K2_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "K2_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "K2_KAFKA_SASL_USERNAME": "k2",
    "K2_KAFKA_SASL_PASSWORD": SECRET,
    "K2_KAFKA_CA_FILE": "/etc/ca.pem",
}


def test_a_broker_gets_what_the_environment_says_in_librdkafkas_words() -> None:
    assert broker_settings(BROKER, SASL) == {
        "bootstrap.servers": BROKER,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "k2",
        "sasl.password": SECRET,
        "ssl.ca.location": "/etc/ca.pem",
    }


def test_another_broker_than_the_one_named_gets_no_password() -> None:
    assert broker_settings("127.0.0.1:1", SASL) == {"bootstrap.servers": "127.0.0.1:1"}


@pytest.mark.parametrize("protocol", [None, "", "sasl", "PLAINTEXT", "SSL"])
def test_a_password_that_would_not_be_sent_is_an_error_that_does_not_show_it(protocol: str | None) -> None:
    environment = {name: value for name, value in SASL.items() if name != "K2_KAFKA_SECURITY_PROTOCOL"}
    if protocol is not None:
        environment["K2_KAFKA_SECURITY_PROTOCOL"] = protocol
    with pytest.raises(ValueError, match="K2_KAFKA_S") as wrong:
        broker_settings(BROKER, environment)
    assert SECRET not in str(wrong.value)


def test_a_broker_that_refuses_is_told_of_without_its_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in {**SASL, "K2_BOOTSTRAP": "127.0.0.1:1", "K2_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}.items():
        if name != "K2_KAFKA_CA_FILE":
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("K2_CLICKHOUSE_URL", f"http://k2:{SECRET}@127.0.0.1:1/k2")
    monkeypatch.setattr("k2pipeline.stack.topics._ANSWER_S", 0.5)
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StackError, match=r"127\.0\.0\.1:1") as refused, start_stack("external", workdir=tmp_path):
        pass
    assert SECRET not in str(refused.value) + caplog.text


def test_the_warehouses_certificate_is_checked_against_the_authority_given() -> None:
    given = {
        "K2_CLICKHOUSE_URL": "https://k2@warehouse/k2",
        "K2_CLICKHOUSE_PASSWORD": SECRET,
        "K2_CLICKHOUSE_CA_FILE": "/etc/my ca.pem",
    }
    address = warehouse_address(None, given)
    assert address == WarehouseAddress("warehouse", 8443, "k2", SECRET, "k2", secure=True, ca_file="/etc/my ca.pem")
    assert dict(make_url(address.sqlalchemy_url()).query) == {"secure": "true", "ca_cert": "/etc/my ca.pem"}
    assert SECRET not in repr(address)


def test_an_authority_without_encryption_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"K2_CLICKHOUSE_CA_FILE.*https"):
        warehouse_address("http://warehouse/k2", {"K2_CLICKHOUSE_CA_FILE": "/etc/ca.pem"})


def test_neither_the_manifest_nor_the_command_that_repeats_a_run_has_a_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in SASL.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("K2_CLICKHOUSE_URL", f"https://k2:{SECRET}@warehouse.example/k2")
    monkeypatch.setenv("K2_CLICKHOUSE_PASSWORD", SECRET)
    scenario = Scenario(synthetic="1s", partitions=1)
    command = repeat_command(scenario, "external", DEFAULT_DIRECTORY, DEFAULT_DIRECTORY)
    write_manifest(tmp_path, scenario, "external", DEFAULT_DIRECTORY, command)
    written = (tmp_path / "manifest.json").read_text(encoding="utf-8")
    assert json.loads(written)["stack"] == "external"
    assert SECRET not in written + command


def test_a_feed_handlers_arguments_have_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SASL.items():
        monkeypatch.setenv(name, value)
    assert SECRET not in " ".join(handlers._command("kraken", BROKER, "ws://127.0.0.1:1", ["BTC/USD"]))
