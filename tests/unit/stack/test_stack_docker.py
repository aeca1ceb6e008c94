"""The docker stack without an engine: what it would start, and what it says where it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from k2pipeline.stack import StackError, compose, start_stack
from k2pipeline.stack import docker as containers

pytest.importorskip("testcontainers", reason="testcontainers is not installed")

NOWHERE = "tcp://127.0.0.1:1"


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)


def test_without_an_engine_the_next_step_is_said(no_engine: None, tmp_path: Path) -> None:
    with (
        pytest.raises(StackError, match=r"no Docker engine answers.*DOCKER_HOST.*embedded"),
        start_stack("docker", workdir=tmp_path),
    ):
        pass


class Recorded:
    """In place of testcontainers' DockerClient: no engine, and nothing is asked of it."""

    def __init__(self, **options: Any) -> None:
        del options


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("testcontainers.core.container.DockerClient", Recorded)


def test_a_container_publishes_one_port_and_that_on_this_machine_alone(offline: None) -> None:
    assert containers.redpanda(19092).ports == {"9092": ("127.0.0.1", 19092)}
    assert containers.clickhouse(18123, "secret").ports == {"8123": ("127.0.0.1", 18123)}


def test_the_broker_has_one_name_for_the_warehouse_and_another_for_us(
    offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = containers.redpanda(19092)
    written: list[tuple[str, str]] = []
    monkeypatch.setattr(broker, "create_file", lambda content, path: written.append((content.decode(), path)))
    broker.tc_start()
    ((script, path),) = written
    assert path == type(broker).TC_START_SCRIPT
    assert "--advertise-kafka-addr inside://k2-redpanda:29092,outside://127.0.0.1:19092" in script
    assert containers.DockerStack().warehouse_bootstrap == "k2-redpanda:29092"


def test_the_warehouses_password_is_its_own_and_shows_nowhere(offline: None) -> None:
    one, other = containers.DockerStack(), containers.DockerStack()
    assert one.warehouse.password != other.warehouse.password
    assert one.warehouse.password not in repr(one.warehouse) + one.warehouse.url


def test_a_part_that_is_not_there_is_an_error_that_says_so(offline: None) -> None:
    with pytest.raises(StackError, match="no part 'moon'"):
        containers.DockerStack().kill("moon")


def test_compose_wants_passwords_before_it_starts_anything(tmp_path: Path) -> None:
    (tmp_path / compose.FILE).touch()
    with pytest.raises(StackError, match=r"copy \.env\.example to \.env"):
        compose.up(tmp_path)


def test_compose_is_driven_with_the_files_that_were_asked_for(tmp_path: Path) -> None:
    for name in (compose.FILE, compose.SMALL, ".env"):
        (tmp_path / name).touch()
    assert compose.compose_command(tmp_path, small=False) == ["docker", "compose", "--file", "docker-compose.yml"]
    assert compose.compose_command(tmp_path, small=True)[-2:] == ["--file", "docker-compose.small.yml"]


def test_outside_a_checkout_compose_has_no_file_to_run(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"no docker-compose\.yml.*checkout"):
        compose.up(tmp_path)


@pytest.mark.parametrize("engine", ["no docker", "no engine"])
def test_compose_without_an_engine_says_the_next_step(
    engine: str, no_engine: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (compose.FILE, ".env"):
        (tmp_path / name).touch()
    if engine == "no docker":
        monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match=r"docker is not installed|compose plugin|no Docker engine answers"):
        compose.up(tmp_path)
