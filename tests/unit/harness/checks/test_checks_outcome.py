"""What Great Expectations says, as results: a check that gave no answer has failed."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from harness.checks.outcome import ERROR_CHARACTERS, VALUE_CHARACTERS, failures, outcomes, printed
from harness.checks.suites import Check, Suite


@dataclass
class Given:
    """A validation result, as far as it matters."""

    name: str
    success: bool = True
    result: dict[str, Any] = field(default_factory=dict)
    exception_info: dict[str, Any] = field(default_factory=dict)

    @property
    def expectation_config(self) -> SimpleNamespace:
        return SimpleNamespace(meta={"name": self.name})


def check(name: str, **kwargs: Any) -> Check:
    return Check(name, "exact", "silver", "critical", "Because.", {"type": "t", "kwargs": kwargs})


SUITE = Suite("silver_trades", "SELECT 1", (check("first"), check("second")))


def details(seconds: float = 0.0, sample: Any = (), observed: Any = None) -> dict[str, Any]:
    return {"seconds": seconds, "sample": sample, "observed": observed or {}}


def only(given: Given, **kwargs: Any) -> Any:
    (found,) = outcomes(Suite("s", "SELECT 1", (check(given.name, **kwargs),)), [given], 1.0)  # type: ignore[list-item]
    return found


def test_results_come_in_the_suites_order_with_what_it_says_of_them() -> None:
    found = outcomes(SUITE, [Given("second"), Given("first")], 1.0)  # type: ignore[list-item]
    assert [(result.suite, result.name) for result in found] == [
        ("silver_trades", "first"),
        ("silver_trades", "second"),
    ]
    assert all((r.layer, r.kind, r.severity, r.why) == ("silver", "exact", "critical", "Because.") for r in found)


def test_a_check_without_a_result_fails() -> None:
    first, second = outcomes(SUITE, [Given("first")], 1.0)  # type: ignore[list-item]
    assert first.success
    assert not second.success
    assert second.error == "Great Expectations gave no result for this check"


def test_own_seconds_count_whole_and_shared_ones_in_equal_parts() -> None:
    given = [Given("first", result={"details": details(0.5)}), Given("second", result={"details": details(0.1)})]
    assert [result.seconds for result in outcomes(SUITE, given, 1.0)] == [0.7, 0.3]  # type: ignore[arg-type]


def test_count_and_sample_of_our_own_expectations() -> None:
    sample = [{"trade_id": "1"}]
    given = Given("x", False, {"observed_value": 7, "details": details(sample=sample, observed={"gaps_found": 3})})
    found = only(given)
    assert (found.success, found.unexpected, found.sample) == (False, 7, ({"trade_id": "1"},))
    assert found.observed == {"gaps_found": 3}


@pytest.mark.parametrize(
    ("kwargs", "values", "sample"),
    [
        ({"column": "side"}, ["UNKNOWN"], ({"side": "UNKNOWN"},)),
        ({"column_A": "a", "column_B": "b"}, [(1, None)], ({"a": "1", "b": "NULL"},)),
        ({"column_list": ["a", "b"]}, [{"a": True, "b": "x"}], ({"a": "true", "b": "x"},)),
        ({}, None, ()),
    ],
)
def test_count_and_sample_of_built_in_expectations(kwargs: dict[str, Any], values: Any, sample: Any) -> None:
    found = only(Given("x", False, {"unexpected_count": 5, "partial_unexpected_list": values}), **kwargs)
    assert (found.unexpected, found.sample) == (5, sample)


def test_a_built_in_expectation_that_counts_nothing_has_one_unexpected() -> None:
    assert only(Given("x", False, {"observed_value": ["a", "b"]})).unexpected == 1


def test_an_exception_is_the_error_of_a_check_that_failed() -> None:
    said = "(driver.DatabaseError) Received, server response: Code: 60. DB::Exception: no (for url http://127.0.0.1:1)"
    info = {"raised_exception": True, "exception_message": f"{said}\n[SQL: SELECT 1]\n(more)"}
    found = only(Given("x", True, exception_info=info))
    assert (found.success, found.unexpected, found.error) == (False, 0, "Code: 60. DB::Exception: no")


def test_exceptions_of_several_metrics_are_told_once_each() -> None:
    one = {"raised_exception": True, "exception_message": "no table"}
    other = {"raised_exception": True, "exception_message": "no column"}
    found = only(Given("x", False, exception_info={"a": one, "b": one, "c": other}))
    assert found.error == "no table; no column"


def test_no_exception_is_no_error() -> None:
    assert only(Given("x", exception_info={"raised_exception": False, "exception_message": None})).error is None


def test_long_errors_and_values_are_cut() -> None:
    info = {"raised_exception": True, "exception_message": "e" * (ERROR_CHARACTERS + 1)}
    assert only(Given("x", False, exception_info=info)).error == "e" * ERROR_CHARACTERS + " ..."
    given = Given("x", False, {"observed_value": 1, "details": details(sample=[{"frame": "f" * 28_123}])})
    assert only(given).sample[0]["frame"] == "f" * VALUE_CHARACTERS + " ... (28,123 characters)"


def test_every_check_of_a_suite_that_could_not_run_fails_with_the_error() -> None:
    found = failures(SUITE, ValueError("no batch"), 1.0)
    assert [(result.name, result.success, result.error) for result in found] == [
        ("first", False, "ValueError: no batch"),
        ("second", False, "ValueError: no batch"),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        (False, "false"),
        (Decimal("1.500000000000000000"), "1.5"),
        (Decimal(100), "100"),
        (Decimal("100.000"), "100"),
        (Decimal("1E-18"), "0.000000000000000001"),
        (datetime(2024, 8, 9, tzinfo=UTC), "2024-08-09 00:00:00"),
        (datetime(2024, 8, 9, 0, 0, 0, 1, tzinfo=UTC), "2024-08-09 00:00:00.000001"),
        ("text", "text"),
    ],
)
def test_values_are_written_as_clickhouse_prints_them(value: object, text: str) -> None:
    assert printed(value) == text
