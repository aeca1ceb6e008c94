"""Readers' questions that fail, or are late, fail the run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from load.profile import Profile
from load.readers import ANSWERED_CHECK, QUESTIONS, Asked, judge_readers, read_requests

PROFILE = Profile("p", rate=10, seconds=10, shares={"binance": 1.0}, readers=2, reader_p99_ms=200)


def asked(took_ms: dict[float, int], *, failures: int = 0, errors: dict[str, int] | None = None) -> list[Asked]:
    """The same of every question."""
    n = sum(took_ms.values())
    return [Asked(name, n, failures, errors or {}, took_ms) for name in QUESTIONS]


def test_answers_in_time_pass_both_checks() -> None:
    found = judge_readers(PROFILE, asked({20.0: 100}))
    assert [check.name for check in found] == [ANSWERED_CHECK, "query_p99_within_200_ms"]
    assert all(check.success and check.severity == "critical" for check in found)


def test_a_single_failure_in_thousands_fails_and_is_shown() -> None:
    right = asked({20.0: 5000})
    wrong = Asked("silver count", 5000, 1, {"Code: 241. MEMORY_LIMIT_EXCEEDED": 1}, {20.0: 5000})
    answered, _ = judge_readers(PROFILE, [wrong, *right[1:]])
    assert not answered.success
    assert answered.unexpected == 1
    assert answered.sample == (
        {"question": "silver count", "error": "Code: 241. MEMORY_LIMIT_EXCEEDED", "times": "1 of 5000"},
    )


@pytest.mark.parametrize("found", [[], [Asked("connect", 3, 3, {"refused": 3}, {9.0: 3})]])
def test_questions_that_were_never_answered_fail_both_checks(found: list[Asked]) -> None:
    answered, in_time = judge_readers(PROFILE, found)
    assert not answered.success
    assert not in_time.success
    assert {row["question"] for row in answered.sample} >= set(QUESTIONS)


@pytest.mark.parametrize(
    ("took_ms", "is_met"),
    [
        ({20.0: 990, 210.0: 10}, True),  # of each of four questions: one in a hundred may be late
        ({20.0: 989, 210.0: 11}, False),
        ({20.0: 100}, True),
        ({20.0: 99, 210.0: 1}, False),  # with 400 answers four late ones may be bad luck, or not: not shown, not met
    ],
)
def test_one_in_a_hundred_may_be_late_if_there_are_enough_to_tell(took_ms: dict[float, int], is_met: bool) -> None:
    _, in_time = judge_readers(PROFILE, asked(took_ms))
    assert in_time.success == is_met


def test_a_profile_without_readers_has_no_such_checks() -> None:
    assert judge_readers(Profile("p", rate=10, seconds=10, shares={"binance": 1.0}), []) == ()


# In a process of its own: to import Locust is to patch the interpreter.
COUNTS = """
import sys
from pathlib import Path
from locust.stats import RequestStats
from load.readers import write_requests
stats = RequestStats()
for _ in range(3):
    stats.log_request("QUERY", "silver count", 12, 0)
stats.log_request("QUERY", "silver count", 13, 0)
stats.log_error("QUERY", "silver count", ConnectionError("gone"))
stats.log_request("PRODUCE", "market.crypto.trades.binance", 5, 100)
write_requests(stats, Path(sys.argv[1]))
"""


def test_locusts_own_statistics_are_read(tmp_path: Path) -> None:
    path = tmp_path / "requests.json"
    environment = {**os.environ, "LOCUST_SKIP_MONKEY_PATCH": "1"}
    subprocess.run([sys.executable, "-c", COUNTS, str(path)], env=environment, check=True)
    (found,) = read_requests(path)
    assert (found.name, found.requests, found.failures) == ("silver count", 4, 1)
    assert found.took_ms == {12.0: 3, 13.0: 1}
    (error,) = found.errors
    assert "gone" in error
