"""Each of the exporter's queries on a real warehouse: what the dashboard shows is what the tables hold."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from harness.checks import CheckResult
from harness.nightly import history
from harness.nightly.window import Window
from k2pipeline.exporter.scrape import SETTLE_S, Exporter
from k2pipeline.exporter.warehouse import TIME_FRAMES
from k2pipeline.stack import WarehouseAddress
from tests.integration.checks_lab import BUSY, Lab, laboratory

NIGHT = Window(1_795_392_000 * 10**9, 1_795_478_400 * 10**9)


class Scraped:
    """A warehouse, and the exporter's view of it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.exporter = Exporter(lab.address, "")
        self._registry = CollectorRegistry()
        self._registry.register(self.exporter)

    def samples(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """One scrape."""
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for metric in self._registry.collect()
            for sample in metric.samples
        }

    def write(self, table: str, age_s: float, **columns: str) -> None:
        """A row of bronze, silver or dead letters, written so long ago."""
        written = {"silver_trades": "processed_at"}.get(table, "ingested_at")
        names = ", ".join([*columns, written])
        values = ", ".join([*columns.values(), f"subtractMilliseconds(now64(6, 'UTC'), {int(age_s * 1000)})"])
        self.lab.run(f"INSERT INTO k2.{table} ({names}) SELECT {values}")


def value(samples: dict[Any, float], name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    with laboratory(tmp_path_factory.mktemp("exporter"), BUSY) as lab:
        lab.run("SYSTEM STOP MERGES")  # a merge between scrape and comparison takes rows away
        made = Scraped(lab)
        yield made
        made.exporter.close()


def test_every_query_is_answered_and_every_table_seen(scraped: Scraped) -> None:
    samples = scraped.samples()
    failures = {labels: count for (name, labels), count in samples.items() if name == "k2_query_failures_total"}
    assert len(failures) >= 10
    assert set(failures.values()) == {0}
    assert value(samples, "k2_up", part="warehouse") == 1
    found = scraped.lab.rows("SELECT DISTINCT table FROM system.parts WHERE database = 'k2' AND active")
    tables = {name for (name,) in found}
    assert {dict(labels)["table"] for name, labels in samples if name == "k2_active_parts"} == tables
    for table in tables:
        assert value(samples, "k2_table_rows", table=table) == scraped.lab.rows(f"SELECT count() FROM k2.{table}")[0][0]


def test_candles_that_came_with_their_trades_are_not_behind(scraped: Scraped) -> None:
    samples = scraped.samples()
    lags = {dict(labels)["timeframe"]: lag for (name, labels), lag in samples.items() if name == "k2_gold_lag_seconds"}
    assert set(lags) == set(TIME_FRAMES)
    assert max(lags.values()) < 1


def test_candles_that_stay_away_are_behind_by_the_age_of_the_newest(scraped: Scraped) -> None:
    with scraped.lab.spoilt(["TRUNCATE TABLE k2.ohlcv_5m"]):
        samples = scraped.samples()
    behind = [lag for (name, labels), lag in samples.items() if ("timeframe", "5m") in labels and lag > 200]
    assert behind


def test_a_row_is_counted_once_its_insert_is_surely_over_and_once_only(scraped: Scraped) -> None:
    name = "k2_silver_invalid_rows_total"
    before = value(scraped.samples(), name, exchange="kraken") or 0
    columns = {"symbol": "'LATE'", "exchange": "'kraken'", "trade_id": "'1'", "is_valid": "false"}
    scraped.write("silver_trades", SETTLE_S - 5, **columns)
    assert value(scraped.samples(), name, exchange="kraken") == before
    deadline = time.monotonic() + 60
    while value(scraped.samples(), name, exchange="kraken") == before:
        assert time.monotonic() < deadline, "a row of eleven seconds ago is not counted"
        time.sleep(0.1)
    assert value(scraped.samples(), name, exchange="kraken") == before + 1


def test_missing_and_repeated_ids_of_the_last_minutes_are_seen(scraped: Scraped) -> None:
    before = scraped.samples()
    for number in (1, 2, 6):
        silver = {"symbol": "'HOLE'", "exchange": "'kraken'", "trade_id": f"'{number}'", "source_sequence": f"{number}"}
        scraped.write("silver_trades", 20, **silver)
    for offset in (1, 2, 3):
        bronze = {"symbol": "'TWICE'", "trade_id": "7", "_topic": "'t'", "_partition": "9", "_offset": str(offset)}
        scraped.write("bronze_trades_kraken", 20, **bronze)
    after = scraped.samples()
    for name, more in (("k2_silver_missing_ids", 3), ("k2_bronze_repeated_trades", 2)):
        assert (value(after, name, exchange="kraken") or 0) - (value(before, name, exchange="kraken") or 0) == more


def test_the_last_night_is_shown_with_each_of_its_checks(scraped: Scraped) -> None:
    assert value(scraped.samples(), "k2_nightly_success") is None
    with scraped.lab.address.client(database="default") as client:
        history.make_tables(client)
        checks = [made_check("silver_trades", "no_nulls", success=True), made_check("latency", "p99", success=False)]
        history.record_checks(client, NIGHT, checks, 1)
        history.record_night(client, NIGHT, "fail", (2, 1, 0, 3), 1)
    samples = scraped.samples()
    assert value(samples, "k2_nightly_success") == 0
    assert value(samples, "k2_nightly_end_timestamp_seconds") == NIGHT.until_ns // 10**9
    found = {outcome: value(samples, "k2_nightly_checks", outcome=outcome) for outcome in ("held", "failed", "unusual")}
    assert found == {"held": 1, "failed": 1, "unusual": 3}
    labels = {"severity": "critical"}
    assert value(samples, "k2_nightly_check_success", suite="latency", check="p99", **labels) == 0
    assert value(samples, "k2_nightly_check_success", suite="silver_trades", check="no_nulls", **labels) == 1


def test_a_query_that_fails_is_counted_and_hides_no_other(scraped: Scraped) -> None:
    with scraped.lab.spoilt(["DROP TABLE k2.dead_letters"]):
        samples = scraped.samples()
    assert value(samples, "k2_query_failures_total", query="dead_letters") == 1
    assert value(samples, "k2_up", part="warehouse") == 1
    assert value(samples, "k2_active_parts", table="silver_trades") is not None


def test_a_warehouse_that_is_away_is_said_and_nothing_stale_is_shown(scraped: Scraped) -> None:
    registry = CollectorRegistry()
    away = Exporter(WarehouseAddress("127.0.0.1", 1), "")
    registry.register(away)
    assert registry.get_sample_value("k2_up", {"part": "warehouse"}) == 0
    assert [metric.name for metric in registry.collect() if metric.samples] == ["k2_up"]
    away.close()


def made_check(suite: str, name: str, *, success: bool) -> CheckResult:
    return CheckResult(
        suite=suite,
        name=name,
        layer="silver",
        kind="standing",
        severity="critical",
        success=success,
        unexpected=int(not success),
        sample=(),
        error=None,
        seconds=0.0,
        why="",
    )
