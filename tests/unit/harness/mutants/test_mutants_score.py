"""What counts as killed, survived, stillborn and equivalent, and which arguments are not true."""

from pathlib import Path

import pytest

from harness.cli import main
from harness.mutants import page, report
from harness.mutants.derive import Mutant, derive
from harness.mutants.equivalents import Argument, EquivalentError, load_arguments
from harness.mutants.schema import Schema, changed, read_schema
from harness.mutants.score import Outcome, Score, score
from harness.mutants.trial import Fate, Trial

SQL = """CREATE TABLE t (a String COMMENT 'first', b UInt64) ENGINE = ReplacingMergeTree(b) ORDER BY (a, b);

CREATE VIEW v AS
-- every row once
SELECT a FROM t FINAL WHERE b > 0;
"""
EFFORT = report.Effort(seconds=10.0, cpu_seconds=16.0, jobs=2)
NARROW = Argument("t", "integer_narrowed", "b UInt64 -> UInt32", "nothing is that large")


@pytest.fixture
def schema(tmp_path: Path) -> Schema:
    (tmp_path / "001_first.sql").write_text(SQL)
    return read_schema(tmp_path)


def mutant(operator: str, change: str = "c", name: str = "t") -> Mutant:
    return Mutant(operator, name, "001_first.sql", 1, change, 1, "CREATE ..")


def scored(*trials: Trial, arguments: tuple[Argument, ...] = (), others: tuple[Mutant, ...] = ()) -> Score:
    return score(trials, arguments, [*(trial.mutant for trial in trials), *others])


def test_rate_leaves_out_what_no_check_could_have_killed() -> None:
    found = scored(
        Trial(mutant("a"), Fate.KILLED, by="t.rows_equal_truth"),
        Trial(mutant("b"), Fate.KILLED, by="t.rows_equal_truth"),
        Trial(mutant("c"), Fate.KILLED, by="t.no_row_lost"),
        Trial(mutant("d"), Fate.SURVIVED),
        Trial(mutant("e"), Fate.STILLBORN),
        Trial(mutant("f"), Fate.SAME),
    )
    assert found.rate == 0.75
    assert {outcome: len(found.of(outcome)) for outcome in Outcome} == {
        Outcome.KILLED: 3,
        Outcome.SURVIVED: 1,
        Outcome.STILLBORN: 1,
        Outcome.EQUIVALENT: 1,
    }
    assert found.killers() == [("rows_equal_truth", 2), ("no_row_lost", 1)]
    assert not found.passes


def test_survivor_with_an_argument_is_equivalent() -> None:
    found = scored(Trial(mutant("integer_narrowed", "b UInt64 -> UInt32"), Fate.SURVIVED), arguments=(NARROW,))
    assert [each.because for each in found.of(Outcome.EQUIVALENT)] == ["nothing is that large"]
    assert found.passes


def test_argument_that_a_check_refutes_fails_the_run() -> None:
    killed = Trial(mutant("integer_narrowed", "b UInt64 -> UInt32"), Fate.KILLED, by="t.rows_equal_truth")
    found = scored(killed, arguments=(NARROW,))
    assert found.refuted == (killed,)
    assert not found.passes
    assert "t.rows_equal_truth kills it" in next(report.wrong_arguments(found))


def test_argument_about_no_mutant_fails_the_run() -> None:
    found = scored(Trial(mutant("a"), Fate.KILLED, by="t.x"), arguments=(NARROW,))
    assert found.stale == (NARROW,)
    assert not found.passes
    assert "no mutant of this schema is meant by it" in next(report.wrong_arguments(found))


def test_argument_about_a_mutant_that_was_not_tried_is_not_stale() -> None:
    untried = mutant("integer_narrowed", "b UInt64 -> UInt32")
    found = scored(Trial(mutant("a"), Fate.KILLED, by="t.x"), arguments=(NARROW,), others=(untried,))
    assert found.passes


def test_argument_without_a_reason_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "equivalents.toml"
    path.write_text('[[equivalent]]\nobject = "t"\noperator = "a"\nchange = "c"\n')
    with pytest.raises(EquivalentError, match="because"):
        load_arguments(path)


def test_brackets_of_a_pattern_stand_for_themselves() -> None:
    argument = Argument("*", "pattern_loosened", "'[0-9]' without *", "so")
    assert argument.meets(mutant("pattern_loosened", "'[0-9]' without $"))
    assert not argument.meets(mutant("pattern_loosened", "'5' without $"))


def test_mutants_ids_survive_a_new_layout(schema: Schema, tmp_path: Path) -> None:
    (tmp_path / "001_first.sql").write_text(SQL.replace("ORDER BY", "\n  ORDER   BY").replace("every", "each"))
    assert [each.id for each in derive(read_schema(tmp_path))] == [each.id for each in derive(schema)]


def test_mutant_knows_its_file_and_line(schema: Schema) -> None:
    (dropped,) = [each for each in derive(schema) if each.operator == "final_dropped"]
    assert (dropped.file, dropped.line, dropped.object) == ("001_first.sql", 5, "v")


def test_only_objects_that_mean_something_else_are_changed_since(schema: Schema, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "001_first.sql").write_text(
        SQL.replace("'first'", "'1st'").replace("every row", "rows").replace("> 0", "> 1")
    )
    assert changed(read_schema(base), schema) == {"v"}
    assert changed(schema, schema) == frozenset()


def test_a_summary_tells_survivors_with_their_lines_and_what_was_compared(schema: Schema) -> None:
    (dropped,) = [each for each in derive(schema) if each.operator == "final_dropped"]
    found = score([Trial(dropped, Fate.SURVIVED, says="so")], (), [dropped])
    text = report.summary(found, EFFORT, schema, {"v"}, "origin/main")
    assert text.startswith("## ❌ Mutants: 1 mutants: 0 killed, 1 survived")
    assert "other than in origin/main: v." in text
    assert "```diff\n-SELECT a FROM t FINAL WHERE b > 0;\n+SELECT a FROM t  WHERE b > 0;\n```" in text
    assert "no object differs from x" in report.summary(scored(), EFFORT, schema, frozenset(), "x")


def test_survivor_is_shown_by_the_lines_it_changes(schema: Schema) -> None:
    (dropped,) = [each for each in derive(schema) if each.operator == "final_dropped"]
    found = score([Trial(dropped, Fate.SURVIVED, says="so")], (), [dropped])
    assert list(report.difference(found.scored[0], schema)) == [
        "-SELECT a FROM t FINAL WHERE b > 0;",
        "+SELECT a FROM t  WHERE b > 0;",
    ]


def test_markdown_has_a_row_for_each_operator_with_what_killed_it() -> None:
    trials = [Trial(mutant("final_dropped", str(n)), Fate.KILLED, by=f"t.check_{n}") for n in range(5)]
    text = report.markdown(scored(*trials), EFFORT)
    assert "5 mutants: 5 killed, 0 survived, 0 stillborn, 0 equivalent; kill rate 100.0 %" in text
    assert "10 s by the clock with 2 at a time (2.00 s a mutant), 16 CPU seconds (3.20 a mutant)" in text
    assert "| 5 | 5 | 0 | 0 | 0 | check_0 1, check_1 1, check_2 1, 2 more |" in text


def test_figures_replace_those_of_the_last_run_and_nothing_else() -> None:
    document = "a\n<!-- figures: x -->\nold\n<!-- end of figures -->\nb\n<!-- figures: y -->\n<!-- end of figures -->\n"
    once = page.put(document, "x", r"new \1")
    assert once.startswith("a\n<!-- figures: x -->\n\nnew \\1\n<!-- end of figures -->\nb\n")
    assert page.put(once, "x", r"new \1") == once


def test_figures_of_a_part_are_not_taken_for_those_of_the_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutants", "--operator", "final_dropped", "--docs", "docs/mutants.md"]) == 2
    assert "--docs takes the figures of every mutant" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--object", "silver_trade"], "--object silver_trade: no operator changes it; there is binance_frames, "),
        (["--object", "ohlcv_1m", "--operator", "final_dropped"], "final_dropped finds no place in ohlcv_1m"),
    ],
)
def test_flags_that_leave_nothing_to_try_are_refused(
    flags: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mutants", *flags]) == 2
    assert said in capsys.readouterr().err.replace("\n", " ")


def test_document_without_a_place_for_figures_is_refused() -> None:
    with pytest.raises(page.PageError, match="figures: z"):
        page.put("a", "z", "new")
