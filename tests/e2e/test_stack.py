"""The embedded stack's processes: ready, killed, restarted, paused, and never left behind.

Verified by process id and by asking broker and warehouse themselves; not what the processes do inside.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from k2pipeline.stack import Stack, StackError, broker, start_stack
from k2pipeline.stack.topics import topic_partitions
from tests.e2e.rig import wait_for

pytestmark = pytest.mark.e2e

_HARNESS = """
import signal, sys, time
from pathlib import Path
from k2pipeline.stack import start_stack
with start_stack(sys.argv[2], workdir=Path(sys.argv[1])) as stack:
    print(*stack.processes.values(), flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def stack(k2_stack_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with start_stack(k2_stack_name, workdir=tmp_path_factory.mktemp("stack")) as running:
        yield running


def version(stack: Stack) -> str:
    with stack.warehouse.client(database="default") as client:
        return str(client.command("SELECT version()"))


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def gone(pids: list[int]) -> bool:
    """True when none of them runs; a zombie does not."""
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                return False
    return True


def test_broker_and_warehouse_answer_when_the_stack_is_ready(stack: Stack) -> None:
    assert version(stack)
    assert topic_partitions(stack.bootstrap).keys().isdisjoint({"ready.made"})
    stack.create_topics(["ready.made"], 3)
    assert topic_partitions(stack.bootstrap)["ready.made"] == 3
    assert set(stack.processes) == {"broker", "warehouse"}
    stack.require_alive()


def test_existing_topic_with_the_same_partitions_is_left_alone(stack: Stack) -> None:
    stack.create_topics(["made.twice"], 2)
    stack.create_topics(["made.twice", "made.new"], 2)
    assert topic_partitions(stack.bootstrap)["made.new"] == 2


def test_existing_topic_with_other_partitions_is_an_error_that_says_so(stack: Stack) -> None:
    stack.create_topics(["made.otherwise"], 2)
    with pytest.raises(StackError, match=r"made\.otherwise .* has 2 partitions, not 5"):
        stack.create_topics(["made.otherwise"], 5)


def test_warehouse_is_restarted_on_the_same_data_and_port_after_sigkill(stack: Stack) -> None:
    with stack.warehouse.client(database="default") as client:
        client.command("CREATE TABLE kept (a UInt8) ENGINE = MergeTree ORDER BY a")
        client.command("INSERT INTO kept VALUES (42)")
    before, address = stack.processes["warehouse"], stack.warehouse
    stack.kill("warehouse")
    assert "warehouse" not in stack.processes
    assert gone([before])
    stack.require_alive()
    stack.restart("warehouse")
    assert stack.warehouse == address
    assert stack.processes["warehouse"] != before
    with stack.warehouse.client(database="default") as client:
        assert client.command("SELECT a FROM kept") == 42


def test_restarted_broker_keeps_its_address_and_its_topics_if_it_is_durable(tmp_path: Path, k2_stack_name: str) -> None:
    with start_stack(k2_stack_name, workdir=tmp_path) as stack:
        stack.create_topics(["made.before"], 1)
        address = stack.bootstrap
        stack.restart("broker")
        assert stack.bootstrap == address
        assert ("made.before" in topic_partitions(stack.bootstrap)) == (k2_stack_name != "embedded")


def test_paused_warehouse_is_silent_and_resumed_one_answers(stack: Stack) -> None:
    stack.pause("warehouse")
    try:
        assert psutil.Process(stack.processes["warehouse"]).status() == psutil.STATUS_STOPPED
        with socket.create_connection(("127.0.0.1", stack.warehouse.port), timeout=0.3) as asking:
            asking.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with pytest.raises(TimeoutError):
                asking.recv(1)
    finally:
        stack.resume("warehouse")
    assert version(stack)


def test_stop_ends_its_processes_even_a_paused_one_and_no_other(tmp_path: Path, k2_stack_name: str) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        with start_stack(k2_stack_name, workdir=tmp_path) as stack:
            pids = list(stack.processes.values())
            stack.pause("warehouse")
        assert gone(pids)
        assert bystander.poll() is None
        stack.stop()
    finally:
        bystander.kill()
        bystander.wait()


def test_exception_in_the_block_ends_the_processes(tmp_path: Path, k2_stack_name: str) -> None:
    pids: list[int] = []

    def run() -> None:
        with start_stack(k2_stack_name, workdir=tmp_path) as stack:
            pids.extend(stack.processes.values())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    assert len(pids) == 2
    assert gone(pids)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_behind_when_the_harness_is_ended(
    tmp_path: Path, ending: signal.Signals, k2_stack_name: str
) -> None:
    harness = subprocess.Popen(
        [sys.executable, "-c", _HARNESS, str(tmp_path), k2_stack_name],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert harness.stdout is not None
    with harness.stdout:
        pids = [int(pid) for pid in harness.stdout.readline().split()]
    harness_children = [child.pid for child in psutil.Process(harness.pid).children()]
    assert len(pids) == 2
    assert set(pids) < set(harness_children), "the guard is a child too"
    harness.send_signal(ending)
    try:
        harness.wait(60)
    finally:
        harness.kill()
        harness.wait()
    wait_for(lambda: gone(harness_children), f"processes {harness_children} gone after {ending.name}")


def test_warehouse_that_dies_early_is_a_stack_error_with_its_last_words(tmp_path: Path, k2_stack_name: str) -> None:
    (tmp_path / "warehouse").write_text("a file where the data directory belongs")
    before = children()
    with (
        pytest.raises(StackError, match=r"(?s)warehouse ended with exit code .*last lines of .*warehouse\.log"),
        start_stack(k2_stack_name, workdir=tmp_path),
    ):
        pass
    assert children() == before


def test_death_of_a_part_that_nobody_killed_is_noticed(tmp_path: Path, k2_stack_name: str) -> None:
    with start_stack(k2_stack_name, workdir=tmp_path) as stack:
        os.kill(stack.processes["broker"], signal.SIGKILL)
        wait_for(lambda: "broker" not in stack.processes, "the broker gone")
        with pytest.raises(StackError, match="broker was ended by SIGKILL"):
            stack.require_alive()


def test_port_that_is_taken_before_the_broker_has_it_is_left_for_another(
    tmp_path: Path, k2_stack_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        choices, otherwise = [taken.getsockname()[1]], broker.free_port
        monkeypatch.setattr(broker, "free_port", lambda: choices.pop() if choices else otherwise())
        with start_stack(k2_stack_name, workdir=tmp_path) as stack:
            assert stack.bootstrap != f"127.0.0.1:{taken.getsockname()[1]}"
            assert topic_partitions(stack.bootstrap) == {}


def test_two_stacks_run_side_by_side(tmp_path: Path, k2_stack_name: str, stack: Stack) -> None:
    with start_stack(k2_stack_name, workdir=tmp_path) as other:
        assert other.bootstrap != stack.bootstrap
        assert other.warehouse.url != stack.warehouse.url
        assert version(other) == version(stack)


def test_password_is_asked_for_and_shows_nowhere(stack: Stack) -> None:
    password = stack.warehouse.password
    assert len(password) >= 20
    assert password not in repr(stack.warehouse)
    for pid in stack.processes.values():
        assert password not in " ".join(psutil.Process(pid).cmdline())
    logs = Path(psutil.Process(stack.processes["warehouse"]).cmdline()[-3]).parent / "logs"
    written = [path.read_text(errors="replace") for path in logs.iterdir()]
    assert written
    assert not any(password in text for text in written)
    with pytest.raises(ClickHouseError):
        replace(stack.warehouse, password=password[::-1]).client(database="default")


def test_external_stack_reaches_what_another_runs_and_ends_nothing(tmp_path: Path, stack: Stack) -> None:
    url = stack.warehouse.url.replace("://", f"://default:{stack.warehouse.password}@") + "/default"
    with start_stack("external", workdir=tmp_path, bootstrap=stack.bootstrap, clickhouse_url=url) as other:
        assert other.processes == {}
        other.create_topics(["by.external"], 2)
        assert version(other) == version(stack)
        with pytest.raises(StackError, match="not ours"):
            other.kill("warehouse")
    assert topic_partitions(stack.bootstrap)["by.external"] == 2
    stack.require_alive()


def test_external_stack_where_nothing_answers_is_a_stack_error(tmp_path: Path, stack: Stack) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/k2"
        with (
            pytest.raises(StackError, match="no ClickHouse answers"),
            start_stack("external", workdir=tmp_path, bootstrap=stack.bootstrap, clickhouse_url=url),
        ):
            pass
