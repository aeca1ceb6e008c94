from __future__ import annotations

import json
import re

from k2pipeline.warehouse.kafka.report import Reported, report_statement
from k2pipeline.warehouse.kafka.stats import ConsumerStats


def test_numbers_add_up() -> None:
    stats = ConsumerStats("c-0")
    stats.started()
    stats.polled(10)
    stats.polled(5)
    stats.committed()
    stats.moved({("t", 0): 15})
    stats.rebalanced(assigned=3, revoked=0)
    state = stats.snapshot()
    assert (state.messages_read, state.commits, state.assignments, state.revocations) == (15, 1, 1, 0)
    assert state.next_offsets == {("t", 0): 15}
    assert state.in_use
    stats.stopped()
    assert not stats.snapshot().in_use
    assert state.in_use, "a snapshot does not change"


def test_the_ten_last_exceptions_are_kept() -> None:
    stats = ConsumerStats("c-0")
    for number in range(12):
        stats.failed(f"failure {number}")
    assert [text for _, text in stats.snapshot().exceptions] == [f"failure {number}" for number in range(2, 12)]


def test_failure_of_the_same_kind_is_not_repeated_at_once() -> None:
    stats = ConsumerStats("c-0")
    stats.failed("refused at 1", kind="_TRANSPORT")
    stats.failed("refused at 2", kind="_TRANSPORT")
    stats.failed("timed out", kind="_TIMED_OUT")
    assert [text for _, text in stats.snapshot().exceptions] == ["refused at 1", "timed out"]


def test_report_is_one_json_line_for_each_consumer() -> None:
    stats = ConsumerStats("c-0")
    stats.moved({("t", 1): 7, ("t", 0): -1001})
    stats.failed("it's \\ broken")
    statement = report_statement([Reported("k2", "q", stats.snapshot()), Reported("k2", "r", stats.snapshot())])
    found = re.search(r"'(\{.*\})'\)$", statement, re.DOTALL)
    assert found
    lines = found[1].replace("\\'", "'").replace("\\\\", "\\").splitlines()
    row, other = (json.loads(line) for line in lines)
    assert (row["table"], other["table"]) == ("q", "r")
    assert row["assignments.partition_id"] == [0, 1]
    assert row["assignments.current_offset"] == [-1001, 7]
    assert row["exceptions.text"] == ["it's \\ broken"]
    assert row["last_used"] == "1970-01-01 00:00:00.000000"


def test_report_without_consumers_is_an_empty_view() -> None:
    assert report_statement([]).endswith(", '')")
