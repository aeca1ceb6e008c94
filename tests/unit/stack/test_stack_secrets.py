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
from k2pipeline.settings_error import SettingsError
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
    "K2_KAFKA_CA_FILE": __file__,  # a file that is there
}


def test_a_broker_gets_what_the_environment_says_in_librdkafkas_words() -> None:
    assert broker_settings(BROKER, SASL) == {
        "bootstrap.servers": BROKER,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "k2",
        "sasl.password": SECRET,
        "ssl.ca.location": __file__,
    }


def test_another_broker_than_the_one_named_gets_no_password() -> None:
    assert broker_settings("127.0.0.1:1", SASL) == {"bootstrap.servers": "127.0.0.1:1"}


@pytest.mark.parametrize(
    "written",
    ["BROKER.example:9093", "first.example:9093, broker.example:9093", "SASL_SSL://broker.example:9093", BROKER + ","],
)
def test_a_broker_that_is_spelled_otherwise_is_the_same(written: str) -> None:
    assert broker_settings(written, SASL)["sasl.password"] == SECRET
    assert broker_settings("localhost:9", {**SASL, "K2_BOOTSTRAP": "127.0.0.1:9"})["sasl.password"] == SECRET


@pytest.mark.parametrize("named", [None, "", "other.example:9093", "broker.example:9094"])
@pytest.mark.parametrize("broker", [BROKER, "10.0.0.1:9093"])
def test_a_password_for_nobody_knows_which_broker_is_an_error(broker: str, named: str | None) -> None:
    environment = {name: value for name, value in SASL.items() if name != "K2_BOOTSTRAP"}
    if named is not None:
        environment["K2_BOOTSTRAP"] = named
    with pytest.raises(SettingsError, match=r"set K2_BOOTSTRAP to it") as wrong:
        broker_settings(broker, environment)
    assert SECRET not in str(wrong.value)


def test_a_password_without_a_broker_named_is_an_error_even_on_this_machine() -> None:
    environment = {name: value for name, value in SASL.items() if name != "K2_BOOTSTRAP"}
    with pytest.raises(SettingsError, match="K2_BOOTSTRAP"):
        broker_settings("127.0.0.1:9093", environment)


def test_a_file_that_is_not_there_is_an_error_that_names_it() -> None:
    with pytest.raises(SettingsError, match=r"K2_KAFKA_CA_FILE='/nowhere/ca.pem' is not there"):
        broker_settings(BROKER, {**SASL, "K2_KAFKA_CA_FILE": "/nowhere/ca.pem"})


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
