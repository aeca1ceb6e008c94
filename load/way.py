"""Locust as a way into the topics: its processes send, their ledgers become one.

harness.run plays a load test like any other run; this is all that differs.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from harness.checks import CheckResult
from harness.replay import ReplayError, ReplayStats
from harness.ways import Played, Told
from k2pipeline.stack import Stack
from k2pipeline.stack.broker import free_port
from load.follow import Progress, follow, lines_of
from load.job import JOB_VARIABLE, URL_VARIABLE, Job
from load.prepare import prepare
from load.processes import Processes, processes
from load.profile import Profile
from load.rate import rate_is_held
from load.readers import judge_readers, read_requests
from load.start import are_ready, give_start, start_of

_LOCUSTFILE: Final = Path(__file__).resolve().parent / "locustfile.py"
_LEAD_NS: Final = 200_000_000
_PAGE_STAYS_S: Final = 1


@dataclass(frozen=True, slots=True)
class LocustWay:
    """See harness.ways.Way. workers: processes that share the feeds, under a master; 0: one process does it all.
    ui: Locust's own page instead of a headless run; the play ends with the profile, when somebody stops it on the page,
    or by Ctrl-C, and what was sent until then is checked.
    """

    profile: Profile
    seed: int
    workers: int = 0
    ui: bool = False
    page_port: int = 8089

    def play(self, running: Stack, directory: Path, told: Told) -> Played:
        work = directory / "locust"
        work.mkdir()
        job = Job(self.profile, running.bootstrap, work, self.seed, time.time_ns(), self.workers)
        job.write(work / "job.json")
        told("making the frames")
        prepare(job)
        environment = {
            **os.environ,
            JOB_VARIABLE: str(work / "job.json"),
            URL_VARIABLE: running.warehouse.sqlalchemy_url(),
        }
        with processes(self.commands(work), environment, work / "locust.log") as locust:
            self._follow(locust, job, told, running.require_alive)
            locust.join()
        figures = [_figures(job, sender) for sender in job.senders]
        ledger = directory / "ledger.parquet"
        _merge(job, ledger)
        return Played(_stats(figures, ledger), self._judged(job, ledger, figures))

    def commands(self, work: Path) -> list[list[str]]:
        """The process that ends with the test, and the workers, if any."""
        locust = [sys.executable, "-m", "locust", "-f", str(_LOCUSTFILE), "--skip-log-setup", "--stop-timeout", "120"]
        page = ["--web-host", "127.0.0.1", "--web-port", str(self.page_port)]
        page += ["--autostart", "--autoquit", str(_PAGE_STAYS_S)]
        shown = page if self.ui else ["--headless", "--only-summary"]
        # What failed is judged by us, with a reason (load/readers.py); Locust's exit code says only that it came to
        # its own end.
        kept = ["--csv", str(work / "locust"), "--html", str(work / "locust.html"), "--exit-code-on-error", "0"]
        if not self.workers:
            return [[*locust, *shown, *kept]]
        port = str(free_port())
        master = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port]
        worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", port]
        expected = ["--expect-workers", str(self.workers)]
        return [[*locust, *shown, *kept, *master, *expected], *[[*locust, *worker] for _ in range(self.workers)]]

    def _follow(self, locust: Processes, job: Job, told: Told, require_alive: Callable[[], None]) -> None:
        """Start the clock once all are ready, and pass on how far they are until the test is over."""

        def look() -> float | None:
            locust.require_workers()
            require_alive()
            start_ns = start_of(job.directory)
            if start_ns is None and are_ready(job.directory, job.senders):
                give_start(job.directory, time.time_ns() + _LEAD_NS)
            return None if start_ns is None else self.profile.seconds - (time.time_ns() - start_ns) / 1e9

        def tell(progress: Progress) -> None:
            told(_line(progress, start_of(job.directory), self.profile.seconds))

        lines = lines_of(locust.main)
        try:
            follow(lines, tell, look)
        except KeyboardInterrupt:
            if not self.ui:
                raise
            told("ending the test")
            locust.main.send_signal(signal.SIGINT)
            follow(lines, tell, look)

    def _judged(self, job: Job, ledger: Path, figures: Sequence[dict[str, Any]]) -> tuple[CheckResult, ...]:
        start_ns = start_of(job.directory)
        if start_ns is None:
            raise ReplayError("the test was stopped before its clock began; nothing was sent")
        stops_ns = [each["stopped_ns"] for each in figures if each["stopped_ns"] is not None]
        until_s = (min(stops_ns) - start_ns) / 1e9 if stops_ns else None
        sent = pl.scan_parquet(ledger).select(pl.len()).collect().item()
        if not sent or (until_s is not None and until_s <= 0):
            raise ReplayError("the test was stopped before anything was sent")
        readers = judge_readers(self.profile, read_requests(job.requests()))
        return rate_is_held(self.profile, ledger, start_ns, until_s), *readers


def _line(progress: Progress, start_ns: int | None, seconds: float) -> str:
    if start_ns is None:
        return "starting the senders"
    spent_s = max((time.time_ns() - start_ns) / 1e9, 0.0)
    rate = f", {progress.trades / spent_s:,.0f} trades/s on average" if spent_s > 1 else ""
    at = f"{min(spent_s, seconds):.0f} of {seconds:g} s"
    return f"{at}: {progress.frames:,} frames, {progress.trades:,} trades{rate}"


def _figures(job: Job, sender: str) -> dict[str, Any]:
    path = job.figures(sender)
    if not path.is_file():
        raise ReplayError(f"sender {sender} did not come to its end; see {job.directory / 'locust.log'}")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _merge(job: Job, into: Path) -> None:
    """One ledger of all senders, in the order in which frames were due; what it has now need not be kept twice."""
    ledgers = [job.ledger(sender) for sender in job.senders]
    whole = pl.scan_parquet(ledgers).sort("scheduled_ns", maintain_order=True)
    whole.drop("seq").with_row_index("seq").with_columns(pl.col("seq").cast(pl.Int64)).sink_parquet(
        into, compression="zstd", compression_level=1
    )
    for path in (*ledgers, *map(job.frames, job.senders)):
        path.unlink()


def _stats(figures: Sequence[dict[str, Any]], ledger: Path) -> ReplayStats:
    sent = pl.scan_parquet(ledger).select(
        first=pl.col("sent_ns").min(), last=pl.col("sent_ns").max(), trades=pl.col("trades").sum()
    )
    first, last, trades = sent.collect().row(0)
    span_ns = (last or 0) - (first or 0)
    lateness = [each["late_p99_ns"] for each in figures if each["late_p99_ns"] is not None]
    frames = sum(each["frames_sent"] for each in figures)
    return ReplayStats(
        frames_read=frames,
        frames_sent=frames,
        trades_sent=trades,
        channels={},
        faults={},
        seconds=span_ns / 1e9,
        trades_per_second=trades * 1e9 / span_ns if span_ns > 0 else None,
        # Of several senders the worst stands for all: their distributions cannot be joined afterwards.
        late_p99_ns=max(lateness, default=None),
        late_max_ns=max(each["late_max_ns"] or 0 for each in figures),
        interrupted=any(each["stopped_ns"] is not None for each in figures),
        ledger_path=ledger,
    )
