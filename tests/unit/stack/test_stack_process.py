"""ManagedProcess and Guard, on small Python children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from k2pipeline.stack import StackError
from k2pipeline.stack.guard import Guard
from k2pipeline.stack.process import ManagedProcess

LIMIT_S = 60.0
SLEEP = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"


@pytest.fixture
def guard() -> Iterator[Guard]:
    guard = Guard()
    yield guard
    guard.close()


@pytest.fixture
def process(tmp_path: Path, guard: Guard) -> Iterator[ManagedProcess]:
    process = ManagedProcess("child", tmp_path, guard)
    yield process
    process.kill()


def start(process: ManagedProcess, program: str, **environment: str) -> int:
    process.start([sys.executable, "-S", "-c", program], environment)
    process.wait_until(lambda: b"\n" in process.output.read_bytes(), LIMIT_S)
    assert process.pid is not None
    return process.pid


def runs(pid: int) -> bool:
    """Whether it runs; a zombie, which only waits for its parent to ask, does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + LIMIT_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_killed_process_is_gone_when_kill_returns(process: ManagedProcess) -> None:
    pid = start(process, SLEEP)
    process.kill()
    assert not runs(pid)
    assert process.pid is None
    process.kill()


def test_terminated_process_that_does_not_listen_is_killed(process: ManagedProcess) -> None:
    pid = start(process, STUBBORN)
    process.terminate(limit_s=0.1)
    assert not runs(pid)


def test_paused_process_is_terminated_too(process: ManagedProcess) -> None:
    pid = start(process, SLEEP)
    process.pause()
    process.terminate(LIMIT_S)
    assert not runs(pid)


def test_process_that_ends_before_it_is_ready_shows_its_last_words(process: ManagedProcess) -> None:
    process.start([sys.executable, "-S", "-c", "import sys; print('no such luck', file=sys.stderr); sys.exit(7)"])
    with pytest.raises(StackError, match=r"(?s)child ended with exit code 7; .*child\.log.*no such luck"):
        process.wait_until(lambda: False, LIMIT_S)


def test_process_that_is_never_ready_is_an_error_after_the_limit(process: ManagedProcess) -> None:
    start(process, SLEEP)
    with pytest.raises(StackError, match=r"child is not ready after 0\.05 s"):
        process.wait_until(lambda: False, 0.05)


def test_environment_reaches_the_process_and_its_output_starts_empty(process: ManagedProcess) -> None:
    program = "import os, time; print(os.environ['GIVEN'], flush=True); time.sleep(60)"
    start(process, program, GIVEN="first")
    process.kill()
    start(process, program, GIVEN="second")
    assert process.output.read_text() == "second\n"


def test_signal_to_a_process_that_does_not_run_is_an_error(process: ManagedProcess) -> None:
    with pytest.raises(StackError, match="does not run"):
        process.pause()


def test_ctrl_c_does_not_reach_the_process(process: ManagedProcess) -> None:
    assert os.getsid(start(process, SLEEP)) != os.getsid(0)


def test_closed_guard_kills_what_it_still_watches_and_nothing_else(tmp_path: Path) -> None:
    guard = Guard()
    children = [subprocess.Popen([sys.executable, "-S", "-c", SLEEP], stdout=subprocess.DEVNULL) for _ in range(3)]
    watched, forgotten, unknown = children
    try:
        guard.watch(watched.pid)
        guard.watch(forgotten.pid)
        guard.forget(forgotten.pid)
        guard.close()
        assert watched.wait(LIMIT_S) == -signal.SIGKILL
        assert forgotten.poll() is None
        assert unknown.poll() is None
    finally:
        for child in children:
            child.kill()
            child.wait()


def test_process_that_ended_by_itself_is_no_trouble_for_the_guard() -> None:
    guard = Guard()
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as child:
        child.wait()
    guard.watch(child.pid)
    guard.close()


def test_lost_guard_is_a_warning_and_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = Guard()
    os.kill(guard.pid, signal.SIGKILL)
    os.waitid(os.P_PID, guard.pid, os.WEXITED | os.WNOWAIT)
    process = ManagedProcess("child", tmp_path, guard)
    start(process, SLEEP)
    process.kill()
    guard.close()
    assert "guard process" in caplog.text


def test_guard_kills_when_its_parent_dies_though_a_fork_holds_the_pipe() -> None:
    """As with multiprocessing: a forked child of the harness outlives it with every descriptor open."""
    program = """
import os, subprocess, sys, time
from k2pipeline.stack.guard import Guard
guard = Guard()
command = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
guard.watch(child.pid)
fork = os.fork()
if fork:
    print(child.pid, fork, flush=True)
    os.kill(os.getpid(), 9)
os.close(1)
time.sleep(60)
"""
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.PIPE,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    child, fork = map(int, done.stdout.split())
    try:
        assert eventually(lambda: not runs(child))
        assert runs(fork)
    finally:
        os.kill(fork, signal.SIGKILL)
