"""What Locust's processes say is passed on; silence, failure and no end are errors, and nothing is left behind."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from harness.replay import ReplayError
from load.follow import Progress, follow, heard, lines_of, told_line
from load.processes import Processes, processes

SLEEPS = "import time; time.sleep(600)"
LINE = told_line(
    {"binance-0": {"frames": 3, "trades": 4, "error": None}, "kraken-0": {"frames": 1, "trades": 2, "error": None}}
)
FAILED = told_line({"kraken-0": {"frames": 1, "trades": 2, "error": "no broker answers"}})


@contextmanager
def running(path: Path, *programs: str) -> Iterator[Processes]:
    with processes([[sys.executable, "-c", program] for program in programs], os.environ, path / "log") as started:
        yield started


def printing(*lines: str, then: str = "") -> str:
    return f"print({chr(10).join(lines)!r}, flush=True)\n{then}"


def follow_to_its_end(
    process: subprocess.Popen[str], *, left_s: float | None = 1, silence_s: float = 60
) -> list[Progress]:
    told: list[Progress] = []
    follow(lines_of(process), told.append, lambda: left_s, silence_s=silence_s, grace_s=0.2)
    return told


def test_progress_is_the_sum_of_all_senders_and_other_lines_are_not_ours() -> None:
    assert heard(LINE) == Progress(4, 6, ())
    assert heard("Type     Name  # reqs") is None
    assert heard(FAILED) == Progress(1, 2, ("kraken-0: no broker answers",))


def test_every_line_is_passed_on_until_the_process_ends(tmp_path: Path) -> None:
    with running(tmp_path, printing(LINE, "statistics", LINE)) as started:
        assert follow_to_its_end(started.main) == [Progress(4, 6, ())] * 2
        started.join()


def test_a_sender_that_gave_up_ends_the_play_with_its_reason(tmp_path: Path) -> None:
    with (
        running(tmp_path, printing(LINE, FAILED, then=SLEEPS)) as started,
        pytest.raises(ReplayError, match="no broker"),
    ):
        follow_to_its_end(started.main)


def test_a_process_that_hangs_in_silence_is_given_up(tmp_path: Path) -> None:
    with running(tmp_path, SLEEPS) as started, pytest.raises(ReplayError, match=r"nothing for 0\.2 s.*locust\.log"):
        follow_to_its_end(started.main, silence_s=0.2)


TALKS = f"import time\nwhile True:\n    print({LINE!r}, flush=True)\n    time.sleep(0.01)"


def test_a_process_that_goes_on_and_on_is_given_up(tmp_path: Path) -> None:
    with running(tmp_path, TALKS) as started, pytest.raises(ReplayError, match="after the profile's end"):
        follow_to_its_end(started.main, left_s=-1)


def test_senders_that_never_become_ready_are_given_up(tmp_path: Path) -> None:
    with running(tmp_path, TALKS) as started, pytest.raises(ReplayError, match="not ready"):
        follow_to_its_end(started.main, left_s=None)


def test_a_worker_that_fails_ends_the_play(tmp_path: Path) -> None:
    with running(tmp_path, SLEEPS, "raise SystemExit(4)") as started:
        started.workers[0].wait(60)
        with pytest.raises(ReplayError, match="exit code 4"):
            started.require_workers()


def test_a_process_that_does_not_end_or_ends_badly_is_an_error_of_ours(tmp_path: Path) -> None:
    with running(tmp_path, "", SLEEPS) as started, pytest.raises(ReplayError, match="does not end"):
        started.join(0.5)
    with running(tmp_path, "raise SystemExit(2)") as started, pytest.raises(ReplayError, match="exit code 2"):
        started.join(60)


def test_no_process_is_left_behind_by_an_interruption(tmp_path: Path) -> None:
    pids: list[int] = []

    def interrupted() -> None:
        with running(tmp_path, SLEEPS, SLEEPS) as started:
            pids.extend([started.main.pid, started.workers[0].pid])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(pids) == 2
    assert not any(map(psutil.pid_exists, pids))
