"""Locust as a way into the topics: its processes send, their ledgers become one.

harness.run plays a load test like any other run; this is all that differs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from harness.checks import CheckResult
from harness.replay import ReplayError, ReplayStats
from harness.ways import Played, Told
from k2pipeline.stack import Stack
from k2pipeline.stack.broker import free_port
from load.job import JOB_VARIABLE, URL_VARIABLE, Job
from load.profile import Profile

RATE_TOLERANCE: Final = 0.01
RATE_CHECK: Final = "rate_is_held"
_LOCUSTFILE: Final = Path(__file__).resolve().parent / "locustfile.py"
_GRACE_S: Final = 120
_END_S: Final = 10


@dataclass(frozen=True, slots=True)
class LocustWay:
    """See harness.ways.Way. workers: processes that share the feeds, under a master; 0: one process does it all.
    ui: Locust's own page instead of a headless run; the play ends when somebody stops it there.
    """

    profile: Profile
    seed: int
    workers: int = 0
    ui: bool = False

    def play(self, running: Stack, directory: Path, told: Told) -> Played:
        work = directory / "locust"
        work.mkdir()
        job = Job(self.profile, running.bootstrap, work, self.seed, time.time_ns(), self.workers)
        job.write(work / "job.json")
        environment = {
            **os.environ,
            JOB_VARIABLE: str(work / "job.json"),
            URL_VARIABLE: running.warehouse.sqlalchemy_url(),
        }
        with _processes(self._commands(work), environment, work) as (main, others):
            self._follow(main, told)
            for other in others:
                other.wait(_GRACE_S)
        senders = [_figures(work, name) for name in self._senders()]
        ledger = directory / "ledger.parquet"
        _merge([work / f"{name}.parquet" for name in self._senders()], ledger)
        return Played(_stats(senders, ledger), (rate_is_held(self.profile, ledger),))

    def _commands(self, work: Path) -> list[list[str]]:
        """The process that ends with the test, and the workers, if any."""
        locust = [sys.executable, "-m", "locust", "-f", str(_LOCUSTFILE), "--skip-log-setup", "--stop-timeout", "120"]
        page = ["--web-host", "127.0.0.1", "--autostart"] if self.ui else ["--headless", "--only-summary"]
        kept = ["--csv", str(work / "locust"), "--html", str(work / "locust.html"), "--exit-code-on-error", "0"]
        if not self.workers:
            return [[*locust, *page, *kept]]
        port = str(free_port())
        master = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port]
        worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", port]
        expected = ["--expect-workers", str(self.workers)]
        return [[*locust, *page, *kept, *master, *expected], *[[*locust, *worker] for _ in range(self.workers)]]

    def _senders(self) -> list[str]:
        return [f"{exchange}-{part}" for exchange in self.profile.shares for part in range(max(self.workers, 1))]

    def _follow(self, main: subprocess.Popen[str], told: Told) -> None:
        """Pass on the lines a test prints, until it is over."""
        deadline = None if self.ui else time.monotonic() + self.profile.seconds + _GRACE_S
        for line in main.stdout or ():
            found = _told(line)
            if found is not None:
                told(f"{found['frames']:,} frames, {found['trades']:,} trades")
            if found is not None and found["errors"]:
                raise ReplayError(f"a sender gave up: {found['errors'][0]}")
            if deadline is not None and time.monotonic() > deadline:
                raise ReplayError(f"Locust goes on {_GRACE_S} s after the profile's end; see {_LOCUSTFILE.name}'s log")
        if main.wait(_END_S) != 0:
            raise ReplayError(f"Locust ended with exit code {main.returncode}; see locust.log in the run's directory")


@contextmanager
def _processes(
    commands: list[list[str]], environment: Mapping[str, str], work: Path
) -> Iterator[tuple[subprocess.Popen[str], list[subprocess.Popen[str]]]]:
    """Start them, and leave none behind."""
    with (work / "locust.log").open("w", encoding="utf-8") as log:
        started: list[subprocess.Popen[str]] = []
        try:
            for number, command in enumerate(commands):
                output = log if number else subprocess.PIPE
                # A master waits for its workers with time.sleep, so it needs the patch; it sends nothing itself.
                is_patched = "--master" in command
                own = {**environment} if is_patched else {**environment, "LOCUST_SKIP_MONKEY_PATCH": "1"}
                started.append(
                    subprocess.Popen(command, env=own, stdout=output, stderr=log, text=True)  # noqa: S603
                )
            yield started[0], started[1:]
        finally:
            for process in started:
                process.terminate()
            for process in started:
                try:
                    process.wait(_END_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                if process.stdout is not None:
                    process.stdout.close()


def _told(line: str) -> Any:
    """A line of load/locustfile.py; None for what Locust itself prints."""
    if not line.startswith('{"at"'):
        return None
    return json.loads(line)


def _figures(work: Path, name: str) -> dict[str, Any]:
    path = work / f"{name}.json"
    if not path.is_file():
        raise ReplayError(f"sender {name} did not come to its end; see {work / 'locust.log'}")
    return {"name": name, **json.loads(path.read_text(encoding="utf-8"))}


def _merge(ledgers: list[Path], into: Path) -> None:
    """One ledger of all senders, in the order in which frames were due."""
    whole = pl.scan_parquet(ledgers).sort("scheduled_ns", maintain_order=True)
    whole.drop("seq").with_row_index("seq").with_columns(pl.col("seq").cast(pl.Int64)).sink_parquet(
        into, compression="zstd", compression_level=1
    )
    for ledger in ledgers:
        ledger.unlink()


def _stats(senders: list[dict[str, Any]], ledger: Path) -> ReplayStats:
    sent = pl.scan_parquet(ledger).select(
        first=pl.col("sent_ns").min(), last=pl.col("sent_ns").max(), trades=pl.col("trades").sum()
    )
    first, last, trades = sent.collect().row(0)
    lateness = [sender["late_p99_ns"] for sender in senders if sender["late_p99_ns"] is not None]
    return ReplayStats(
        frames_read=sum(sender["frames_read"] for sender in senders),
        frames_sent=sum(sender["frames_sent"] for sender in senders),
        trades_sent=trades,
        channels={},
        faults={},
        seconds=(last - first) / 1e9,
        trades_per_second=trades * 1e9 / (last - first) if last > first else None,
        # Of several senders the worst stands for all: their distributions cannot be joined afterwards.
        late_p99_ns=max(lateness, default=None),
        late_max_ns=max(sender["late_max_ns"] or 0 for sender in senders),
        interrupted=False,
        ledger_path=ledger,
    )


def rate_is_held(profile: Profile, ledger: Path) -> CheckResult:
    """Whether the senders kept to the profile: a rate that was not held tests something else than was asked for."""
    sent = pl.scan_parquet(ledger).group_by("exchange", maintain_order=True)
    found = sent.agg(
        seconds=(pl.col("sent_ns").max() - pl.col("sent_ns").min()) / 1e9,
        planned=(pl.col("scheduled_ns").max() - pl.col("scheduled_ns").min()) / 1e9,
        trades=pl.col("trades").sum(),
    )
    missed = []
    for exchange, seconds, planned, trades in found.collect().iter_rows():
        asked, in_time = profile.pace(exchange).trades, trades * planned / seconds if seconds else float(trades)
        if abs(in_time - asked) > asked * RATE_TOLERANCE:
            figures = {"trades_asked": f"{asked}", "trades_in_time": f"{in_time:.0f}"}
            times = {"seconds": f"{seconds:.3f}", "seconds_planned": f"{planned:.3f}"}
            missed.append({"exchange": exchange, **figures, **times})
    return CheckResult(
        suite="load",
        name=RATE_CHECK,
        layer="topic",
        kind="exact",
        severity="critical",
        success=not missed,
        unexpected=len(missed),
        sample=tuple(missed),
        error=None,
        seconds=0.0,
        why="Each exchange's trades were sent in the time the profile gives them, to 1 %.",
    )
