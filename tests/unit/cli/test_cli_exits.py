"""How k2 ends when what it was given cannot be used: code 2 and a sentence, never a traceback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.cli import main as harness_main
from k2pipeline.cli import main, up
from k2pipeline.cli.exits import ExitError
from k2pipeline.stack import Stack, StackError, WarehouseAddress
from load.__main__ import main as load_main

PROJECT = Path(__file__).parents[3]
FEED = ("feed", "kraken", "--symbols", "BTC/USD", "--bootstrap", "broker.example:9093")
METRICS = (
    "metrics",
    "--bootstrap",
    "broker.example:9093",
    "--clickhouse",
    "http://reader@127.0.0.1:1/k2",
    "--port",
    "0",
)


@pytest.mark.parametrize("command", [FEED, METRICS], ids=["feed", "metrics"])
@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"K2_KAFKA_SECURITY_PROTOCOL": "bogus"}, "K2_KAFKA_SECURITY_PROTOCOL='bogus' is not one of"),
        (
            {"K2_KAFKA_SECURITY_PROTOCOL": "SSL", "K2_KAFKA_CA_FILE": "/nowhere/ca.pem"},
            "'/nowhere/ca.pem' is not there",
        ),
        (
            {"K2_KAFKA_SECURITY_PROTOCOL": "SSL", "K2_KAFKA_CA_FILE": __file__},
            "no client of broker.example:9093 can be",
        ),
        ({"K2_KAFKA_SASL_PASSWORD": "hush", "K2_BOOTSTRAP": "other.example:9093"}, "set K2_BOOTSTRAP to it"),
    ],
)
def test_broker_settings_that_cannot_be_used_are_wrong_input(
    command: tuple[str, ...],
    environment: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name, value in {"K2_BOOTSTRAP": "broker.example:9093", **environment}.items():
        monkeypatch.setenv(name, value)
    assert main(command) == 2
    told = capfd.readouterr().err
    assert said in told
    assert "hush" not in told
    assert "Traceback" not in told


@pytest.mark.parametrize("program", ["harness", "load"])
def test_an_external_stack_without_an_address_is_wrong_input_of_every_program(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("K2_BOOTSTRAP", raising=False)
    ran: dict[str, Callable[[], int]] = {
        "harness": lambda: harness_main(["verify", "--stack", "external", "--synthetic", "1s", "--out", str(tmp_path)]),
        "load": lambda: load_main(["--stack", "external", "--duration", "10s", "--out", str(tmp_path)]),
    }
    assert ran[program]() == 2
    assert "K2_BOOTSTRAP" in capsys.readouterr().err


def running(**parts: Any) -> Stack:
    given = {"warehouse": WarehouseAddress("127.0.0.1", 1), "bootstrap": "", **parts}
    return cast(Stack, SimpleNamespace(**given))


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_for_metrics_that_is_taken_is_wrong_input(taken: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ExitError, match="choose another port") as wrong, up._metrics(taken, running()):
        pass
    assert wrong.value.code == 2
    assert main(["metrics", "--clickhouse", "http://reader@127.0.0.1:1/k2", "--port", str(taken)]) == 2
    assert f"127.0.0.1:{taken}" in capsys.readouterr().err


def test_a_part_that_died_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def dead() -> None:
        raise StackError("the warehouse died")

    monkeypatch.setattr(up, "_LOOK_S", 0.01)
    with pytest.raises(StackError, match="the warehouse died"):
        up._watch(running(processes={"warehouse": 1}, require_alive=dead), threading.Event())


def test_nothing_is_asked_of_a_stack_that_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    looks = iter([False, False, True])
    monkeypatch.setattr(over, "wait", lambda _: next(looks))
    up._watch(running(processes={}, require_alive=lambda: pytest.fail("asked")), over)


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (["--stack", "docker", "--data", "x"], "--data"),
        (["--stack", "docker", "--sql", "x"], "--sql"),
        (["--stack", "docker", "--partitions", "2"], "--partitions"),
        (["--stack", "docker", "--metrics-port", "0"], "--metrics-port"),
        (["--small"], "--small"),
    ],
)
def test_a_flag_that_would_be_ignored_is_refused(
    arguments: list[str], flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up", *arguments]) == 2
    assert f"{flag} has no use with --stack" in capsys.readouterr().err


COMPOSE = """#!{python}
import os, pathlib, signal, sys, time
if sys.argv[1:] == ["compose", "version"] or sys.argv[1:] == ["info"]:
    sys.exit(0)
here = pathlib.Path(__file__).parent
def stop(number, frame):
    (here / "stopping").write_text(str(number))
    time.sleep(1)  # containers take their time
    (here / "stopped").write_text("whole")
    sys.exit(130)
signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
print("running", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_compose_is_told_to_stop_and_is_let_end_by_itself(number: int, tmp_path: Path) -> None:
    """With a docker that takes longer to stop than subprocess.run would let it."""
    docker = tmp_path / "docker"
    docker.write_text(COMPOSE.format(python=sys.executable))
    docker.chmod(0o755)
    for name in ("docker-compose.yml", ".env"):
        (tmp_path / name).touch()
    program = f"from pathlib import Path; from k2pipeline.stack.compose import up; up(Path({str(tmp_path)!r}))"
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"running\n"
            process.send_signal(number)
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert (tmp_path / "stopping").read_text() == str(int(number))
    assert (tmp_path / "stopped").read_text() == "whole"


def test_a_compose_that_fails_by_itself_is_an_error_with_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from k2pipeline.stack import compose

    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\ncase "$*" in *up*) exit 17;; esac\n')
    docker.chmod(0o755)
    for name in ("docker-compose.yml", ".env"):
        (tmp_path / name).touch()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(StackError, match="exit code 17"):
        compose.up(tmp_path)
