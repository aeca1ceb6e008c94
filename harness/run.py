"""One run: start a stack, apply a schema, replay, wait, compute the truth, check, and write down what was
found.

outcome = run(Scenario(captures=(Path("day.jsonl.gz"),), rate="10x"), out=Path("runs"))
assert outcome.results.verdict == "pass"
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

import polars as pl

from harness.alive import attended, blaming
from harness.checks import CheckResult, run_checks
from harness.checks.growth import judge_growth, load_growth
from harness.checks.slos import judge, load_slos
from harness.counting import channels_of, counts_of, gaps_of
from harness.manifest import repeat_command, write_manifest
from harness.pace import Steady
from harness.plan import Plan, plan
from harness.reach import flush_interval_ms, refuse_unreachable
from harness.replay import ReplayStats
from harness.report import write_report
from harness.results import Results, fails, write_results
from harness.scenario import Scenario
from harness.series import Series, Watch, measure, watching, write_series
from harness.settle import Settled, wait_until_consumed
from harness.truth import Truth, compute, load
from harness.ways import Played, Way, open_way
from k2pipeline.exchanges import TOPICS
from k2pipeline.schema import DEFAULT_DIRECTORY, SchemaVariables, apply_schema, require_schema
from k2pipeline.stack import Stack, start_stack

RUNS: Final = Path("runs")
GROUP: Final = "k2"


class Progress(Protocol):
    """Told what a run is doing; the command line draws it."""

    def stage(self, name: str) -> None:
        """A stage begins, and the one before it is over."""

    def advance(self, text: str, share: float | None = None) -> None:
        """How far the stage is: in words, and which share of it (0 to 1) is done, where that is known."""


class Silent:
    """Progress that nobody watches."""

    def stage(self, name: str) -> None:
        """Nothing to show."""

    def advance(self, text: str, share: float | None = None) -> None:
        """Nothing to show."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left: its results, what was replayed, what was sampled meanwhile, the directory with the files, and
    the command that repeats it.
    """

    results: Results
    stats: ReplayStats
    settled: Settled
    watch: Watch
    directory: Path
    command: str


def run(
    scenario: Scenario,
    *,
    stack: str = "embedded",
    sql: Path = DEFAULT_DIRECTORY,
    out: Path = RUNS,
    docs: bool = False,
    progress: Progress | None = None,
    way: Way | None = None,
    command: str | None = None,
    examine: Callable[[Any], None] | None = None,
) -> Outcome:
    """Run a scenario on a stack of its own. Everything it started is stopped again, however it ends.

    `way` and `command` are for a way in that no scenario names: how it plays, and what repeats the run. `examine` is
    given a client of the warehouse when all is checked, before the stack is stopped.

    A run that fails leaves Great Expectations' Data Docs; with `docs` every run does.

    Raises what `plan` and `open_way` raise and SchemaError when the input is wrong, NoEffect when a fault changed
    nothing, and StackError or ReplayError when the stack could not start or died. SIGINT while frames are played ends
    the play: what was sent by then is checked, and the results say `interrupted`, which is no pass.
    """
    told = progress or Silent()
    started_at, started = datetime.now(UTC), time.monotonic()
    told.stage("reading the input")
    planned = plan(scenario, told.advance)
    require_schema(sql)
    way = way or open_way(planned)
    slos, growth = load_slos() if scenario.slos else (), load_growth()
    refuse_unreachable(slos, flush_interval_ms(sql))
    directory = _new_directory(out, scenario, started_at)
    command = command or repeat_command(scenario, stack, sql, DEFAULT_DIRECTORY)
    write_manifest(directory, scenario, stack, sql, command)
    told.stage("starting the stack")
    with start_stack(stack, workdir=directory / "stack") as running, blaming(running):
        prepare(running, scenario, sql)
        played, settled, watch = _play(way, running, directory, told)
        told.stage("computing the truth")
        stats = played.stats
        tape = islice(planned.frames(), stats.frames_read) if scenario.id_jumps else ()
        truth = compute(stats.ledger_path, tape)
        with running.warehouse.client() as client:
            load(truth, client)
            told.stage("checking")
            checks = [*played.checks, *_check(running, scenario, told, directory / "data_docs", docs=docs)]
            series = measure(client, watch)
            if examine is not None:
                examine(client)
            checks += judge(slos, series.percentiles(), series.unread)
            checks += judge_growth(growth, watch.samples, series.sending())
            results = _results(client, planned, played, truth, checks, series, settled)
        results = replace(
            results,
            stack=stack,
            started_at=started_at.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - started, 3),
        )
        running.require_alive()  # what the checks say of a warehouse that is gone is nothing about the pipeline
        told.stage("stopping the stack")
    write_results(results, directory)
    write_series(series, directory)
    told.stage("writing the report")
    write_report(directory)
    return Outcome(results, played.stats, settled, watch, directory, command)


def prepare(running: Stack, scenario: Scenario, sql: Path) -> None:
    """Create the topics and apply the schema."""
    running.create_topics(TOPICS, scenario.partitions)
    apply_schema(running.warehouse, SchemaVariables(kafka_brokers=running.warehouse_bootstrap, kafka_group=GROUP), sql)


def _play(way: Way, running: Stack, directory: Path, told: Progress) -> tuple[Played, Settled, Watch]:
    """Play the frames and wait until the pipeline has taken them in; lag and parts are watched meanwhile."""
    with watching(running, GROUP) as watch:
        told.stage("replaying")
        played = way.play(running, directory, attended(running, told.advance))
        told.stage("waiting for the pipeline")
        settled = wait_until_consumed(
            running.bootstrap,
            GROUP,
            acknowledged_ends(played.stats.ledger_path),
            progress=lambda lag: told.advance(f"{lag:,} messages behind"),
            require_alive=running.require_alive,
        )
    return played, settled, watch


def _results(
    client: Any,
    planned: Plan,
    played: Played,
    truth: Truth,
    checks: list[CheckResult],
    series: Series,
    settled: Settled,
) -> Results:
    """What was found, without what only `run` knows of itself."""
    stats, scenario = played.stats, planned.scenario
    return Results(
        scenario=scenario.name,
        seed=scenario.seed,
        stack="",
        started_at="",
        seconds=0.0,
        counts=counts_of(client, stats, truth, checks),
        target_rate=float(planned.pace.trades_per_second) if isinstance(planned.pace, Steady) else None,
        achieved_rate=round(stats.trades_per_second, 1) if stats.trades_per_second is not None else None,
        latency_ms=series.percentiles(),
        checks=tuple(checks),
        gaps=gaps_of(client, played.session_logs),
        channels=channels_of(stats.channels),
        late_p99_ms=_in_ms(stats.late_p99_ns),
        late_max_ms=_in_ms(stats.late_max_ns),
        interrupted=stats.interrupted,
        lag_messages=settled.lag_messages,
    )


def _in_ms(ns: int | None) -> float | None:
    return None if ns is None else round(ns / 1e6, 3)


def _check(running: Stack, scenario: Scenario, told: Progress, data_docs: Path, *, docs: bool) -> list[CheckResult]:
    return run_checks(
        running.warehouse,
        suites_named=scenario.suites,
        data_docs=data_docs,
        docs_wanted=lambda found: docs or any(map(fails, found)),
        progress=told.advance,
    )


def acknowledged_ends(ledger: Path) -> dict[tuple[str, int], int]:
    """(topic, partition) -> the offset after the last one acknowledged in a ledger."""
    acknowledged = pl.scan_parquet(ledger).filter(pl.col("offset").is_not_null())
    last = acknowledged.group_by("topic", "partition").agg(pl.col("offset").max()).collect()
    return {(topic, partition): offset + 1 for topic, partition, offset in last.iter_rows()}


def _new_directory(out: Path, scenario: Scenario, started_at: datetime) -> Path:
    stem = f"{started_at:%Y%m%dT%H%M%SZ}-{scenario.name}"
    for number in range(1, 1000):
        directory = out / (stem if number == 1 else f"{stem}-{number}")
        try:
            directory.mkdir(parents=True)
        except FileExistsError:
            continue
        return directory
    raise FileExistsError(f"{out}: a thousand runs named {stem}; give another directory with --out")
