"""`k2 up` as a process: what dies in it is noticed, and it ends with the codes that its help promises."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.e2e


@contextmanager
def k2_up(stack: str, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "k2pipeline.cli", "up", "--stack", stack, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert any(line.startswith("Ctrl-C") for line in process.stdout)


@pytest.fixture
def own_stack(k2_stack_name: str) -> str:
    if k2_stack_name not in ("embedded", "kafka"):
        pytest.skip(f"the processes of the {k2_stack_name} stack are not children of k2 up")
    return k2_stack_name


def test_a_warehouse_that_dies_ends_it_with_code_3(tmp_path: Path, own_stack: str) -> None:
    with k2_up(own_stack, "--data", tmp_path) as process:
        until_ready(process)
        children = psutil.Process(process.pid).children(recursive=True)
        (warehouse,) = [child for child in children if "k2pipeline.warehouse" in child.cmdline()]
        warehouse.kill()
        assert process.wait(120) == 3
        assert process.stderr is not None
        told = process.stderr.read()
    assert told.startswith("k2: warehouse was ended by SIGKILL"), told
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []


def test_ctrl_c_ends_it_well(tmp_path: Path, own_stack: str) -> None:
    with k2_up(own_stack, "--data", tmp_path) as process:
        until_ready(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0


def test_a_port_for_metrics_that_is_taken_is_code_2(tmp_path: Path, own_stack: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with k2_up(own_stack, "--data", tmp_path, "--metrics-port", str(port)) as process:
            assert process.wait(240) == 2
            assert process.stderr is not None
            assert f"127.0.0.1:{port}" in process.stderr.read()
