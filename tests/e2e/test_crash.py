"""kill -9 of the warehouse while frames flow: nothing is lost, nothing doubled, gold ends exact."""

import threading
from pathlib import Path

import pytest

from harness.checks import run_checks
from harness.crash.strikes import until
from harness.pace import parse_rate
from harness.replay import Times, replay
from harness.run import acknowledged_ends, prepare
from harness.scenario import Scenario
from harness.settle import wait_until_consumed
from harness.synthetic import parse_duration, synthetic
from harness.truth import compute, load
from k2pipeline.schema import DEFAULT_DIRECTORY
from k2pipeline.stack import start_stack
from tests.e2e.rig import wait_for

pytestmark = pytest.mark.e2e

KILLS = 3


def test_warehouse_killed_again_and_again_ends_exact(tmp_path: Path, k2_stack_name: str) -> None:
    over = threading.Event()
    with start_stack(k2_stack_name, workdir=tmp_path / "stack") as stack:
        prepare(stack, Scenario(synthetic="1h"), DEFAULT_DIRECTORY)
        ledger = tmp_path / "ledger.parquet"
        sender = threading.Thread(
            target=replay,
            args=(until(over, synthetic(parse_duration("1h"), 1)),),
            kwargs={
                "bootstrap": stack.bootstrap, "pace": parse_rate("2000"), "times": Times.ORIGINAL,
                "ledger_path": ledger,
            },
        )  # fmt: skip
        sender.start()

        def silver_rows() -> int:
            with stack.warehouse.client() as client:
                return int(client.query("SELECT count() FROM k2.silver_trades").first_row[0])

        try:
            for _ in range(KILLS):
                before = silver_rows()
                wait_for(lambda more=before: silver_rows() > more, "more rows in silver")  # type: ignore[misc]
                stack.kill("warehouse")
                stack.restart("warehouse")
        finally:
            over.set()
            sender.join()
        settled = wait_until_consumed(stack.bootstrap, "k2", acknowledged_ends(ledger))
        with stack.warehouse.client() as client:
            load(compute(ledger), client)
        checks = run_checks(stack.warehouse)
    assert settled.lag_messages == 0
    assert {f"{check.suite}.{check.name}": check.unexpected for check in checks if not check.success} == {}
