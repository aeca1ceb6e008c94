"""The suites in expectations/: nothing that the truth knows goes without comparison."""

import pytest

from harness.checks.suites import EXPECTATIONS, GROWTH, LATENCY, Check, load_suites
from harness.truth import EXCHANGES
from harness.truth.tables import OF_THE_TRUTH_ALONE, tables

SUITES = {suite.name: suite for suite in load_suites()}
TRUTH = tables(EXCHANGES.values())
COMPARED = sorted(set(TRUTH) - OF_THE_TRUTH_ALONE)


def checks_of(name: str, kind: str) -> list[Check]:
    return [check for check in SUITES[name].checks if check.definition["type"] == kind]


def test_every_file_of_the_folder_is_a_suite_or_the_objectives() -> None:
    known = {*(f"{name}.json" for name in SUITES), f"{LATENCY}.json", f"{GROWTH}.json"}
    assert known == {path.name for path in EXPECTATIONS.iterdir()}


def test_every_table_of_the_truth_has_its_suite() -> None:
    assert sorted(SUITES) == COMPARED


@pytest.mark.parametrize("name", COMPARED)
def test_every_column_of_the_truth_is_compared(name: str) -> None:
    compared: set[str] = set()
    for check in checks_of(name, "expect_rows_to_equal_truth"):
        kwargs = check.definition["kwargs"]
        assert kwargs["truth"] == f"k2_truth.{name}"
        compared |= {kwargs.get("renamed", {}).get(column, column) for column in [*kwargs["key"], *kwargs["columns"]]}
    assert compared == set(TRUTH[name].columns) - {"seq"}


@pytest.mark.parametrize("name", COMPARED)
def test_rows_are_told_by_the_key_of_the_truth(name: str) -> None:
    kinds = ("expect_no_row_lost", "expect_no_phantom_row", "expect_no_row_doubled", "expect_rows_to_equal_truth")
    keys = {tuple(check.definition["kwargs"]["key"]) for kind in kinds for check in checks_of(name, kind)}
    assert all(checks_of(name, kind) for kind in kinds)
    (key,) = keys
    assert set(key) == set(TRUTH[name].key) - {"seq"} - ({"exchange"} if name == "dead_letters" else set())


def test_standing_checks_need_no_truth() -> None:
    standing = [check for suite in SUITES.values() for check in suite.checks if check.kind == "standing"]
    assert len(standing) > 30
    assert [check.name for check in standing if "k2_truth" in str(check.definition)] == []
