from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from k2pipeline.warehouse.kafka.gate import Gate

LIMIT_S = 10.0
BRIEFLY_S = 0.05


def never() -> bool:
    return False


def in_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_inserts_pass_side_by_side() -> None:
    gate = Gate()
    with gate.insert(never) as first, gate.insert(never) as second:
        assert first
        assert second


def test_definitions_pass_side_by_side() -> None:
    gate = Gate()
    with gate.definition(), gate.definition():
        pass


def test_definition_waits_for_the_insert_under_way_and_goes_before_the_next() -> None:
    gate, order = Gate(), list[str]()

    def define() -> None:
        with gate.definition():
            order.append("definition")

    def insert() -> None:
        with gate.insert(never):
            order.append("insert")

    with gate.insert(never):
        defining = in_thread(define)
        deadline = time.monotonic() + LIMIT_S
        while not gate._definitions:
            assert time.monotonic() < deadline, "the definition never asked"
            time.sleep(0.001)
        inserting = in_thread(insert)
        inserting.join(BRIEFLY_S)
        assert order == []
    defining.join(LIMIT_S)
    inserting.join(LIMIT_S)
    assert order == ["definition", "insert"]


def test_waiting_insert_gives_up_when_it_is_woken_and_told_so() -> None:
    gate, passed = Gate(), list[bool]()
    over = threading.Event()

    def insert() -> None:
        with gate.insert(over.is_set) as open_:
            passed.append(open_)

    with gate.definition():
        waiting = in_thread(insert)
        waiting.join(BRIEFLY_S)
        assert passed == []
        over.set()
        gate.wake()
        waiting.join(LIMIT_S)
        assert passed == [False]


def test_failed_insert_and_failed_definition_leave_the_gate_open() -> None:
    gate = Gate()
    with pytest.raises(ZeroDivisionError), gate.insert(never):
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), gate.definition():
        raise ZeroDivisionError
    with gate.definition():
        pass
    with gate.insert(never) as passed:
        assert passed
