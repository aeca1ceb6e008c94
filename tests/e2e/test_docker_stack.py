"""The docker stack on a Docker engine; skipped, with the reason, where there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from k2pipeline.stack import Stack, StackError, start_stack
from k2pipeline.stack.docker import require_engine
from tests.e2e.rig import rig_on, wait_for

pytestmark = pytest.mark.docker
VALUES = [str(number).encode() for number in range(100)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    try:
        require_engine()
    except StackError as error:
        pytest.skip(str(error))
    with start_stack("docker", workdir=tmp_path_factory.mktemp("docker")) as running:
        yield running


def test_the_servers_own_kafka_engine_reads_what_we_send(stack: Stack) -> None:
    with rig_on(stack, "reads") as rig:
        rig.create_pipeline(partitions=2)
        rig.produce(VALUES, partitions=2)
        rig.wait_for_rows(len(VALUES), limit_s=60)


@pytest.mark.parametrize("part", ["broker", "warehouse"])
def test_nothing_acknowledged_is_lost_when_a_part_is_killed(stack: Stack, part: str) -> None:
    with rig_on(stack, f"killed_{part}") as rig:
        rig.create_pipeline(partitions=2)
        rig.produce(VALUES, partitions=2)
        stack.kill(part)
        stack.restart(part)
        rig.produce(VALUES, partitions=2)
        rig.wait_for_rows(2 * len(VALUES), limit_s=120)


def test_a_paused_warehouse_is_silent_and_a_resumed_one_catches_up(stack: Stack) -> None:
    with rig_on(stack, "paused") as rig:
        rig.create_pipeline()
        stack.pause("warehouse")
        rig.produce(VALUES)
        stack.resume("warehouse")
        rig.wait_for_rows(len(VALUES), limit_s=60)


def test_a_part_that_died_is_noticed(stack: Stack) -> None:
    stack.require_alive()
    stack.kill("warehouse")
    stack.require_alive()
    stack.restart("warehouse")
    wait_for(lambda: stack.require_alive() is None, "both alive")
