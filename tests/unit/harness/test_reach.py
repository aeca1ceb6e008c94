"""An objective that waiting alone exceeds is refused, before anything starts, with the sum."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.checks import SuiteError
from harness.checks.slos import Slo
from harness.cli import WRONG_INPUT, main
from harness.reach import flush_interval_ms, refuse_unreachable
from k2pipeline.schema import DEFAULT_DIRECTORY

QUEUE = "CREATE TABLE q (message String) ENGINE = Kafka SETTINGS kafka_format = 'RawBLOB'{};\n"


def slo(stage: str, limit_ms: float) -> Slo:
    return Slo(stage, 99, limit_ms, "critical", "soon")


@pytest.mark.parametrize(
    ("settings", "expected_ms"),
    [
        ([", kafka_flush_interval_ms = 250"], 250),
        ([", kafka_flush_interval_ms = 250", ", kafka_flush_interval_ms=400 COMMENT 'x'"], 400),
        ([", kafka_flush_interval_ms = ${KAFKA_FLUSH_INTERVAL_MS}"], 100),
        # ClickHouse's own default.
        ([""], 7_500),
        ([", kafka_flush_interval_ms = 0"], 7_500),
        ([], 0),
    ],
)
def test_the_longest_flush_interval_of_a_schema_is_found(tmp_path: Path, settings: list[str], expected_ms: int) -> None:
    for number, text in enumerate(settings):
        (tmp_path / f"{number:03}_q.sql").write_text(f"-- a queue\n{QUEUE.format(text)}SELECT 1;\n")
    assert flush_interval_ms(tmp_path) == expected_ms


def test_the_shipped_schema_waits_as_long_as_its_queues_say() -> None:
    assert flush_interval_ms(DEFAULT_DIRECTORY) == 100


@pytest.mark.parametrize("stage", ["bronze", "silver", "ohlcv_1s", "ohlcv_1d"])
def test_an_objective_below_the_sum_of_both_waits_is_refused_with_it(stage: str) -> None:
    refuse_unreachable([slo(stage, 500)], flush_ms=400, fetch_ms=100)
    with pytest.raises(
        SuiteError, match=r"401 ms and the fetch wait of 100 ms add up to 501 ms, and its limit is 500 ms"
    ):
        refuse_unreachable([slo(stage, 500)], flush_ms=401, fetch_ms=100)


@pytest.mark.parametrize("stage", ["send", "broker", "bronze_to_silver"])
def test_a_stage_that_does_not_wait_for_a_flush_is_not_concerned(stage: str) -> None:
    refuse_unreachable([slo(stage, 1)], flush_ms=7_500)


def test_a_run_that_cannot_meet_its_objectives_ends_with_exit_code_2_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sql = tmp_path / "sql"
    sql.mkdir()
    (sql / "001_q.sql").write_text(QUEUE.format(", kafka_flush_interval_ms = 900"))
    arguments = ["verify", "--synthetic", "1s", "--slos", "--sql", str(sql), "--out", str(tmp_path / "runs")]
    assert main(arguments) == WRONG_INPUT
    said = " ".join(capsys.readouterr().err.split())
    assert "the flush interval of 900 ms and the fetch wait of 100 ms add up to 1000 ms" in said
    assert not (tmp_path / "runs").exists()
