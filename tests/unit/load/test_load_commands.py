"""python -m load ends with the exit code that says what came of it, and refuses what makes no sense."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.checks import CheckResult, SuiteError
from harness.replay import ReplayError
from harness.results import Counts, Results
from harness.run import Outcome
from harness.series import Watch
from harness.settle import Settled
from k2pipeline.stack import StackError
from load import __main__ as command
from load import capacity
from load.play import Test
from load.stages import Work

COUNTS = Counts(1, 1, 1, 1, 0, 0, 0, 0, 0, 0)


def check(name: str, *, success: bool) -> CheckResult:
    return CheckResult(
        suite="s", name=name, layer="silver", kind="exact", severity="critical", success=success,
        unexpected=int(not success), sample=(), error=None, seconds=0.1, why="Nothing vanishes.",
    )  # fmt: skip


def outcome(directory: Path, *checks: CheckResult) -> Outcome:
    results = Results("load", 1, "embedded", "", 1.0, COUNTS, 1000.0, 1000.0, {}, checks)
    return Outcome(results, cast(Any, SimpleNamespace()), Settled(0, 0.0), Watch(), directory, "python -m load")


@pytest.fixture
def played() -> list[Test]:
    """What was played, see `plays`."""
    return []


def plays(monkeypatch: pytest.MonkeyPatch, played: list[Test], comes: Outcome | BaseException) -> None:
    def play(test: Test, told: object) -> tuple[Outcome, Work]:
        played.append(test)
        if isinstance(comes, BaseException):
            raise comes
        return comes, Work()

    monkeypatch.setattr(command, "play", play)
    monkeypatch.setattr(capacity, "play", play)


@pytest.mark.parametrize("name", ["no_trade_lost", "silver_p99_within_500_ms", "rate_is_held", "queries_are_answered"])
def test_a_check_that_fails_exits_with_1_and_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], played: list[Test], name: str
) -> None:
    plays(monkeypatch, played, outcome(tmp_path, check("other", success=True), check(name, success=False)))
    assert command.main(["--rate", "10", "--duration", "1s"]) == 1
    assert name in capsys.readouterr().out


def test_a_run_in_which_all_holds_exits_with_0_and_gives_json_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], played: list[Test]
) -> None:
    plays(monkeypatch, played, outcome(tmp_path, check("no_trade_lost", success=True)))
    assert command.main(["--rate", "10", "--duration", "2s", "--workers", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "pass"
    assert (played[0].profile.rate, played[0].profile.seconds, played[0].workers) == (10, 2, 2)


@pytest.mark.parametrize("main", [command.main, capacity.main])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StackError("no chdb"), 3),
        (ReplayError("no broker answers"), 3),
        (SuiteError("latency.json: not JSON"), 2),
        (KeyboardInterrupt(), 130),
    ],
)
def test_an_error_is_told_without_a_traceback_and_has_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], played: list[Test],
    main: Any, error: BaseException, code: int,
) -> None:  # fmt: skip
    plays(monkeypatch, played, error)
    assert main(["--duration", "1s"]) == code
    assert str(error) in capsys.readouterr().err


@pytest.mark.parametrize("main", [command.main, capacity.main])
@pytest.mark.parametrize(
    "arguments", [["--workers", "-1"], ["--workers", "two"], ["--duration", "soon"], ["--duration", "0s"]]
)
def test_what_both_commands_cannot_take_is_refused_with_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], played: list[Test], main: Any,
    arguments: list[str],
) -> None:  # fmt: skip
    plays(monkeypatch, played, AssertionError("nothing may be played"))
    assert exit_code(main, arguments) == 2
    assert arguments[1].removesuffix("s") in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--precision", "0"],
        ["--precision", "-0.1"],
        ["--precision", "nan"],
        ["--lowest", "0"],
        ["--highest", "inf"],
        ["--lowest", "5000", "--highest", "400"],
    ],
)
def test_a_search_that_could_not_end_is_refused_with_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], played: list[Test], arguments: list[str]
) -> None:
    plays(monkeypatch, played, AssertionError("nothing may be played"))
    assert exit_code(capacity.main, arguments) == 2
    assert arguments[-1] in capsys.readouterr().err


@pytest.mark.parametrize("rate", ["0", "-5", "inf"])
def test_a_rate_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], rate: str) -> None:
    assert exit_code(command.main, ["--rate", rate]) == 2
    assert rate in capsys.readouterr().err


def test_the_command_that_repeats_a_run_has_all_that_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, played: list[Test]
) -> None:
    plays(monkeypatch, played, outcome(tmp_path, check("no_trade_lost", success=True)))
    given = ["--profile", "spike", "--rate", "70", "--duration", "3s", "--seed", "9", "--workers", "2"]
    command.main([*given, "--stack", "kafka", "--sql", "other"])
    assert played[0].command.split()[3:] == [*given[:-2], "--stack", "kafka", "--workers", "2", "--sql", "other"]


def exit_code(main: Any, arguments: list[str]) -> int:
    try:
        return int(main(arguments))
    except SystemExit as ended:
        return int(cast(int, ended.code))
