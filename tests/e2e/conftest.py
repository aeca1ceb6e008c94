"""What --k2-stack means to these tests: each runs on that stack, or says why it cannot."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from k2pipeline.exchanges import DLQ_TOPIC
from k2pipeline.stack.broker import LocalBroker, TansuBroker
from k2pipeline.stack.guard import Guard
from k2pipeline.stack.kafka import KafkaBroker
from k2pipeline.stack.topics import create_topics
from tests.e2e.feed_rig import PAIRS, PARTITIONS, SPOT, Feeds

StartBroker = Callable[..., AbstractContextManager[LocalBroker]]
"""Takes a directory, topics, and the number of their `partitions`."""

Harness = Callable[..., "subprocess.CompletedProcess[str]"]
"""Takes a subcommand and its arguments."""


@pytest.fixture
def k2_harness(k2_stack_name: str) -> Harness:
    """Runs a subcommand on the stack that is asked for."""

    def ran(subcommand: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "harness.cli", subcommand, "--stack", k2_stack_name, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)

    return ran


@pytest.fixture
def start_broker(k2_stack_name: str) -> StartBroker:
    """Starts the stack's broker without a warehouse."""
    if k2_stack_name not in ("embedded", "kafka"):
        pytest.skip(f"the broker of the {k2_stack_name} stack does not come alone")

    @contextmanager
    def start(directory: Path, *topics: str, partitions: int) -> Iterator[LocalBroker]:
        guard = Guard()
        broker: LocalBroker = (
            KafkaBroker(directory, guard, directory / "broker")
            if k2_stack_name == "kafka"
            else TansuBroker(directory, guard)
        )
        try:
            broker.launch()
            broker.wait_ready(may_move=True)
            create_topics(broker.bootstrap, topics, partitions)
            yield broker
        finally:
            broker.process.kill()
            guard.close()

    return start


@pytest.fixture
def forgetful_broker(k2_stack_name: str) -> None:
    """For tests of a broker that comes back empty."""
    if k2_stack_name != "embedded":
        pytest.skip(f"the broker of the {k2_stack_name} stack keeps what it had; only Tansu forgets it")


@pytest.fixture
def broker(tmp_path: Path, start_broker: StartBroker) -> Iterator[LocalBroker]:
    """A broker for each test: topics are named by the exchange, and must be empty."""
    with start_broker(tmp_path, SPOT, PAIRS, DLQ_TOPIC, partitions=PARTITIONS) as broker:
        yield broker


@pytest.fixture
def feeds(tmp_path: Path, broker: LocalBroker) -> Iterator[Feeds]:
    with ExitStack() as undo:
        yield Feeds(broker.bootstrap, tmp_path, undo)
        if broker.process._paused:
            broker.process.resume()  # a consumer does not close without it
