"""The harness in pytest: where `k2` is installed, every project's tests have these fixtures.

    def test_candles_survive_a_resend(k2_run):
        k2_run(synthetic="5s", rate="1000", faults=("duplicate=5%",), sql=Path("my/sql"))

    def test_users_query(k2_warehouse):
        assert k2_warehouse.query("SELECT count() FROM k2.silver_trades").first_row == (0,)

`--k2-stack` says where broker and warehouse run. Markers: e2e, kafka, docker, load.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.run import Outcome
    from k2pipeline.stack import Stack

# pytest reads this module in every project of the environment, so what takes time to import is imported by the
# fixtures that need it.

MARKERS = {
    "e2e": "runs broker, warehouse and harness for real",
    "kafka": "needs Java 17 and Maven",
    "docker": "needs a Docker engine",
    "load": "holds a rate for a while",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --k2-stack."""
    from k2pipeline.stack import STACKS

    parser.getgroup("k2").addoption(
        "--k2-stack", choices=sorted(STACKS), default="embedded", help="where broker and warehouse run"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked `kafka` or `docker` where that cannot run, and say what is missing."""
    for marker, missing in _MISSING.items():
        if item.get_closest_marker(marker) and (reason := missing()):
            pytest.skip(reason)


def _missing_for_kafka() -> str | None:
    from k2pipeline.stack.kafka import what_is_missing

    return what_is_missing()


def _missing_for_docker() -> str | None:
    from k2pipeline.stack import StackError
    from k2pipeline.stack.docker import require_engine

    try:
        require_engine()
    except StackError as error:
        return str(error)
    return None


_MISSING = {"kafka": _missing_for_kafka, "docker": _missing_for_docker}


@pytest.fixture(scope="session")
def k2_stack_name(request: pytest.FixtureRequest) -> str:
    """What --k2-stack says."""
    return str(request.config.getoption("--k2-stack"))


@pytest.fixture(scope="session")
def k2_stack(k2_stack_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack without a schema, one for the whole session."""
    from k2pipeline.stack import start_stack

    with start_stack(k2_stack_name, workdir=tmp_path_factory.mktemp("k2")) as stack:
        yield stack


@pytest.fixture(scope="session")
def k2_warehouse(k2_stack: Stack) -> Iterator[Any]:
    """A clickhouse-connect client of a warehouse that has the schema and reads the topics; one for the session."""
    from harness.run import prepare
    from harness.scenario import Scenario
    from k2pipeline.schema import DEFAULT_DIRECTORY

    prepare(k2_stack, Scenario(synthetic="1s", partitions=1), DEFAULT_DIRECTORY)
    with k2_stack.warehouse.client() as client:
        yield client


@pytest.fixture
def k2_run(k2_stack_name: str, tmp_path: Path) -> Callable[..., Outcome]:
    """Gives a function that runs a scenario on a stack of its own, and fails the test unless every check holds.

    It takes the fields of harness.scenario.Scenario, or the name or file of a scenario as its first argument; sql is
    the schema under test. may_fail=True leaves the judgement to the test. The failure shows the verdict with its rows,
    the seed, and the one command that repeats the run. Returns harness.run.Outcome.
    """

    def run_scenario(
        scenario: str | None = None, *, sql: Path | None = None, may_fail: bool = False, **given: Any
    ) -> Outcome:
        from harness.run import run
        from harness.scenario import Scenario, load_scenario
        from k2pipeline.schema import DEFAULT_DIRECTORY

        wanted = load_scenario(scenario, given) if scenario else Scenario(**given)
        outcome = run(wanted, stack=k2_stack_name, sql=sql or DEFAULT_DIRECTORY, out=tmp_path / "runs")
        if outcome.results.verdict != "pass" and not may_fail:
            pytest.fail(_told(outcome), pytrace=False)
        return outcome

    return run_scenario


def _told(outcome: Outcome) -> str:
    from rich.console import Console

    from harness.verdict import print_verdict

    text = io.StringIO()
    print_verdict(Console(file=text, width=120, highlight=False), outcome)
    return text.getvalue()
