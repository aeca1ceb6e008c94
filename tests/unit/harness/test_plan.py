"""How far a play is, and what the command says when a disk or a warehouse gives up."""

import errno
from types import SimpleNamespace

import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from harness import cli
from harness.plan import Meter, plan
from harness.scenario import Scenario
from tests.captures import REPLAYS

CAPTURE = REPLAYS / "kraken-v1-1.jsonl.gz"


def test_the_share_of_captures_is_of_all_their_frames_sent_or_not() -> None:
    planned = plan(Scenario(captures=(CAPTURE, CAPTURE)))
    meter = Meter(planned)
    assert meter.share == 0.0
    shares = [meter.share for _ in meter.through(planned.frames())]
    assert len(shares) == 2 * planned.surveys[0].frames
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert shares[len(shares) // 2 - 1] == 0.5


def test_the_share_of_generated_trades_is_of_their_time() -> None:
    planned = plan(Scenario(synthetic="20s"))
    meter = Meter(planned)
    shares = [meter.share for _ in meter.through(planned.frames())]
    assert min(shares) == 0.0
    assert 0.9 < shares[-1] <= 1.0


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 2, "No space left on device; see that there is room"),
        (PermissionError(errno.EACCES, "Permission denied", "/there/runs"), 2, "/there/runs: Permission denied"),
        (OperationalError("Connection refused"), 3, "the warehouse does not do its part: Connection refused"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_what_gives_up_has_an_exit_code_and_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, said: str
) -> None:
    def run(_: object) -> int:
        raise error

    monkeypatch.setattr(cli, "command", lambda _: SimpleNamespace(HELP="", add_arguments=lambda _: None, run=run))
    assert cli.main(["verify"]) == code
    assert said in capsys.readouterr().err


def test_reading_a_capture_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.survey._TOLD_EVERY", 50)
    told: list[str] = []
    planned = plan(Scenario(captures=(CAPTURE,)), told.append)
    assert len(told) == planned.surveys[0].frames // 50
    assert told[0] == "kraken-v1-1.jsonl.gz: 50 frames"
