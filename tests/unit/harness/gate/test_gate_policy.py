"""What passes: the policy file, and what the findings together lead to."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.checks import CheckResult
from harness.gate.findings import check_evidence, plain, refusals
from harness.gate.policy import DEFAULT_POLICY, PolicyError, load_policy
from harness.gate.rows import RowDiff
from harness.gate.verdict import Evidence, Verdict, worst

ADDED = Evidence(Verdict.ADDITIVE, "silver_trades", "column venue", "added")
CHANGED = Evidence(Verdict.CHANGED, "ohlcv_1m", "rows", "3 of 5 have other values: volume in 3")


def check(suite: str, *, success: bool = False, kind: str = "exact", error: str | None = None) -> CheckResult:
    return CheckResult(suite, "rule", "gold", kind, "critical", success, int(not success), (), error, 0.1, "It holds.")


def policy(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def reasons(evidence: list[Evidence], path: Path = DEFAULT_POLICY, **more: list[str]) -> list[str]:
    found = load_policy(path)
    return list(refusals(evidence, [], more.get("edited", []), more.get("documents", []), found))


def test_the_verdict_is_the_worst_of_the_evidence() -> None:
    assert worst([]) == Verdict.IDENTICAL
    assert worst([ADDED, CHANGED]) == Verdict.CHANGED


def test_the_shipped_policy_lets_additive_pass_and_refuses_changed_by_name() -> None:
    assert reasons([ADDED]) == []
    assert reasons([ADDED, CHANGED]) == ["changed is not among the verdicts that pass (ohlcv_1m)"]


def test_an_allowance_lets_its_objects_pass_and_no_others(tmp_path: Path) -> None:
    path = policy(tmp_path, '[[allow]]\nobject = "ohlcv_*"\nverdict = "changed"\nbecause = "agreed"\n')
    assert reasons([CHANGED], path) == []
    assert reasons([Evidence(Verdict.CHANGED, "silver_trades", "TTL", "")], path) != []
    assert reasons([Evidence(Verdict.BREAKING, "ohlcv_1m", "rows", "")], path) != []


def test_an_edited_file_is_refused_where_applied_files_are_frozen(tmp_path: Path) -> None:
    frozen = policy(tmp_path, 'applied_files = "frozen"\n')
    assert reasons([], edited=["002_silver.sql"]) == []
    assert reasons([], frozen, edited=["002_silver.sql"]) == [
        "002_silver.sql: applied already, and frozen; put the change into a new file"
    ]


def test_a_stale_document_is_refused() -> None:
    assert reasons([], documents=["docs/tables.md is stale"]) == ["docs/tables.md is stale"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pass = 3", "pass = 3 is no part of a policy"),
        ('passes = ["additive"]', "passes = "),
        ('pass = ["fine"]', "'fine' is no verdict; there are identical, additive, changed, breaking"),
        ('applied_files = "maybe"', "'maybe' is neither of"),
        ('[[allow]]\nobject = "x"', "should say object, verdict and because"),
        ("pass = [", "no policy"),
    ],
)
def test_a_policy_that_cannot_be_understood_says_which_value(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said.replace("[", r"\[").replace("(", r"\(")):
        load_policy(policy(tmp_path, text))


def test_a_failing_exact_check_is_breaking_and_a_standing_one_changed() -> None:
    checks = [check("a"), check("b", kind="standing"), check("c", success=True)]
    evidence = list(check_evidence(checks, [CHANGED], []))
    assert [(each.object, each.verdict) for each in evidence] == [("a", Verdict.BREAKING), ("b", Verdict.CHANGED)]


def test_checks_that_cannot_run_are_breaking_and_told_once() -> None:
    unable = check("a", kind="standing", error="Unknown table")
    evidence = check_evidence([unable, unable, check("b", error="Unknown table")], [CHANGED], [])
    assert [(str(each.verdict), each.object, each.part, each.what) for each in evidence] == [
        ("breaking", "a", "2 checks", "cannot run: Unknown table"),
        ("breaking", "b", "check rule", "cannot run: Unknown table"),
    ]


def test_a_check_that_fails_where_nothing_is_other_is_the_bases_own_and_still_refused() -> None:
    failing = check("a")
    (each,) = check_evidence([failing], [ADDED], [RowDiff("a", 5, 0, 0, 0, 0, 0)])
    assert each.verdict == Verdict.IDENTICAL
    assert "fails on the base too" in each.what
    assert list(refusals([each], [failing], [], [], load_policy())) == ["a check fails on the candidate (a.rule)"]


def test_a_check_that_fails_where_another_table_lost_rows_is_not_put_down_to_the_base() -> None:
    same, lossy = RowDiff("bronze", 5, 0, 0, 0, 0, 0), RowDiff("silver", 5, 4, 0, 0, 0, 0)
    (each,) = check_evidence([check("bronze")], [], [same, lossy])
    assert each.verdict == Verdict.BREAKING


def test_what_the_engine_says_is_shown_without_what_it_says_of_itself() -> None:
    said = (
        "Received ClickHouse exception, code: 60, server response: Code: 60. DB::Exception: Unknown table k2.x. "
        "(UNKNOWN_TABLE) (version 26.9.2.1 (official build)) (for url http://127.0.0.1:1)"
    )
    assert plain(said) == "Unknown table k2.x. (UNKNOWN_TABLE)"
