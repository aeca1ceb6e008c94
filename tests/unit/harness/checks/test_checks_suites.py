"""Suites as files: what is read, and what is refused with its reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.checks.suites import KINDS, SuiteError, load_suites

Spoil = Callable[[dict[str, Any]], object]


def suite(name: str = "silver_trades") -> dict[str, Any]:
    meta = {"name": "no_trade_lost", "kind": "exact", "layer": "silver", "why": "Nothing vanishes."}
    standing = {**meta, "name": "side_is_known", "kind": "standing"}
    return {
        "name": name,
        "meta": {"batch": "SELECT * FROM k2.silver_trades FINAL"},
        "expectations": [
            {"type": "expect_no_row_lost", "severity": "critical", "kwargs": {"truth": "t"}, "meta": meta},
            {"type": "expect_column_to_exist", "severity": "warning", "kwargs": {"column": "side"}, "meta": standing},
        ],
    }


def write(folder: Path, content: object, name: str = "silver_trades") -> None:
    (folder / f"{name}.json").write_text(json.dumps(content))


def test_suites_are_found_by_listing_the_folder_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("silver_trades", "dead_letters", "ohlcv_1m"):
        write(tmp_path, suite(name), name)
    assert [found.name for found in load_suites(tmp_path)] == ["dead_letters", "ohlcv_1m", "silver_trades"]
    assert [found.name for found in load_suites(tmp_path, ("ohlcv_1m",))] == ["ohlcv_1m"]


def test_a_check_keeps_its_definition_and_what_is_said_about_it(tmp_path: Path) -> None:
    write(tmp_path, suite())
    (found,) = load_suites(tmp_path)
    first = found.checks[0]
    assert (first.name, first.kind, first.layer, first.severity) == ("no_trade_lost", "exact", "silver", "critical")
    assert first.why == "Nothing vanishes."
    assert first.definition == suite()["expectations"][0]
    assert found.batch == "SELECT * FROM k2.silver_trades FINAL"


def test_a_suite_gives_its_checks_of_a_kind(tmp_path: Path) -> None:
    write(tmp_path, suite())
    (found,) = load_suites(tmp_path)
    assert [check.name for check in found.of(["standing"]).checks] == ["side_is_known"]
    assert found.of(KINDS) == found


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda s: s.update(name="silver"), "name it after its file"),
        (lambda s: s.pop("meta"), "meta is a JSON object"),
        (lambda s: s["meta"].update(batch=7), "batch is 7"),
        (lambda s: s["meta"].update(batch="SELECT '%'"), "none of : % $"),
        (lambda s: s.update(expectations=[]), "give at least one"),
        (lambda s: s["expectations"].append(s["expectations"][0]), "each its own name"),
        (lambda s: s["expectations"].append("x"), "an expectation is a JSON object"),
        (lambda s: s["expectations"][0].pop("type"), "type is None"),
        (lambda s: s["expectations"][0].pop("severity"), "one of critical, warning, info"),
        (lambda s: s["expectations"][0]["meta"].update(kind="nightly"), "one of exact, standing"),
        (lambda s: s["expectations"][0]["meta"].pop("why"), "give kind, layer, name, why"),
        (lambda s: s["expectations"][0]["meta"].update(why=""), "why is ''"),
    ],
)
def test_a_file_that_is_no_suite_is_refused_with_its_name_and_the_reason(
    tmp_path: Path, spoil: Spoil, reason: str
) -> None:
    content = suite()
    spoil(content)
    write(tmp_path, content)
    with pytest.raises(SuiteError) as raised:
        load_suites(tmp_path)
    assert "silver_trades.json" in str(raised.value)
    assert reason in str(raised.value)


@pytest.mark.parametrize("text", ["{", "[]", '"x"'])
def test_a_file_without_a_json_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "silver_trades.json").write_text(text)
    with pytest.raises(SuiteError, match=r"silver_trades\.json"):
        load_suites(tmp_path)


def test_an_empty_folder_and_an_unknown_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="no suite here"):
        load_suites(tmp_path)
    write(tmp_path, suite())
    with pytest.raises(SuiteError, match="there are silver_trades"):
        load_suites(tmp_path, ("gold",))
