"""When a victim is struck and what counts as recovered, without any process."""

from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.crash import CASES, choose_cases
from harness.crash.strikes import Strikes, until
from harness.crash.way import _forgive_unacknowledged
from harness.faults import NoEffect
from harness.faults.process import PROCESS_FAULTS, ProcessFault
from harness.ledger import SCHEMA
from harness.scenario import ScenarioError


class Recorded:
    """A victim that writes down what befalls it, and whose trades arrive unless it is dead or asleep."""

    name = "victim"

    def __init__(self) -> None:
        self.befell: list[str] = []
        self.is_up = True

    def kill(self) -> None:
        self._note("kill", is_up=False)

    def start(self) -> None:
        self._note("start", is_up=True)

    def pause(self) -> None:
        self._note("pause", is_up=False)

    def resume(self) -> None:
        self._note("resume", is_up=True)

    def newest(self) -> int | None:
        return time.time_ns() if self.is_up else None

    def _note(self, what: str, *, is_up: bool) -> None:
        self.befell.append(what)
        self.is_up = is_up


def strikes(fault: ProcessFault, victim: Recorded, times: int) -> Strikes:
    return Strikes(fault, victim, times, 1, victim.newest, threading.Event(), lambda _: None)


@pytest.mark.parametrize(("fault", "does"), [("kill", ["kill", "start"]), ("pause", ["pause", "resume"])])
def test_each_strike_is_healed_before_the_next(fault: str, does: list[str]) -> None:
    victim = Recorded()
    found = strikes(PROCESS_FAULTS[fault](0.01), victim, 2)
    found.start()
    found.join(20)
    found.end()
    assert victim.befell == does * 2
    assert len(found.recoveries_s) == 2


def test_frames_flow_until_the_last_strike_is_over() -> None:
    over = threading.Event()
    frames = until(over, itertools.count())
    assert [next(frames), next(frames)] == [0, 1]
    over.set()
    assert list(frames) == []


def test_frames_that_end_too_early_are_an_error_that_says_how_far_it_got() -> None:
    victim = Recorded()
    victim.is_up = False
    found = strikes(PROCESS_FAULTS["kill"](), victim, 3)
    found.start()
    with pytest.raises(NoEffect, match="over after 0 of 3 strikes"):
        found.end()
    assert victim.befell == []


def test_what_goes_wrong_in_a_strike_is_raised_by_end() -> None:
    class Stuck(Recorded):
        def kill(self) -> None:
            raise ZeroDivisionError

    found = strikes(PROCESS_FAULTS["kill"](), Stuck(), 1)
    found.start()
    found.join(20)
    with pytest.raises(ZeroDivisionError):
        found.end()


def test_it_strikes_only_when_the_moment_has_come() -> None:
    victim, asked = Recorded(), itertools.count()
    found = Strikes(
        PROCESS_FAULTS["kill"](), victim, 1, 1, victim.newest, threading.Event(), lambda _: None,
        lambda: next(asked) >= 3,
    )  # fmt: skip
    found.start()
    found.join(20)
    found.end()
    assert victim.befell == ["kill", "start"]
    assert next(asked) == 4


def test_only_what_was_not_acknowledged_is_no_longer_owed(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.parquet"
    row = {
        **dict.fromkeys(("exchange", "symbol", "kind"), "x"), **dict.fromkeys(("seq", "recv_ns", "scheduled_ns"), 1),
        "trades": 1, "faults": [], "frame": b"{}",
    }  # fmt: skip
    fates = [(7, True), (None, True), (8, False), (None, False)]
    rows = [{**row, "offset": offset, "owed": owed} for offset, owed in fates]
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), ledger)
    _forgive_unacknowledged(ledger)
    found = pq.read_table(ledger)
    assert found.schema == SCHEMA
    assert found["owed"].to_pylist() == [True, False, False, False]
    assert found.drop_columns("owed") == pa.Table.from_pylist(rows, SCHEMA).drop_columns("owed")


def test_a_broker_that_keeps_nothing_is_left_out_and_refused_when_asked_for() -> None:
    assert {case.victim for case in choose_cases("embedded", [])} == {"warehouse", "feed"}
    assert tuple(choose_cases("kafka", [])) == tuple(choose_cases("docker", [])) == CASES
    with pytest.raises(ScenarioError, match="kill-broker: the broker of the embedded stack keeps nothing"):
        choose_cases("embedded", ["kill-broker"])


def test_only_feed_handlers_are_struck_on_a_stack_that_is_somebody_elses() -> None:
    assert {case.victim for case in choose_cases("external", [])} == {"feed"}
    for name in ("kill-warehouse", "pause-broker"):
        with pytest.raises(ScenarioError, match=f"{name}: the .* of an external stack is somebody else's"):
            choose_cases("external", [name])


@pytest.mark.parametrize("text", ["kill-moon", "kill-feed=many", "kill-feed=0"])
def test_cases_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(ScenarioError):
        choose_cases("kafka", [text])


def test_the_number_of_times_can_be_chosen() -> None:
    (case,) = choose_cases("kafka", ["kill-warehouse=3"])
    assert (case.name, case.times) == ("kill-warehouse", 3)
