"""What a rehearsal plays, what ends it, and what it asks of a warehouse's tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.captures import CapturedFrame
from harness.gate import rehearsal
from harness.gate.exactness import exactness
from harness.gate.live import Flow
from harness.gate.policy import load_policy
from harness.gate.sides import Side
from harness.gate.snapshot import Snapshot
from harness.gate.tape import RESENT_TRADES, eventful, odd_frames
from harness.replay import ReplayError
from harness.synthetic import synthetic
from harness.truth.tables import OF_THE_TRUTH_ALONE
from k2pipeline.exchanges import EXCHANGES, FrameKind
from k2pipeline.stack import StackError

FRAMES = list(synthetic(6 * 10**9, 1, rates=1_000))
HALF = len(FRAMES) // 2


def trades(frames: list[CapturedFrame]) -> int:
    return sum(EXCHANGES[frame.exchange].classify(frame.frame).trades for frame in frames)


def played(odd: list[CapturedFrame]) -> tuple[list[CapturedFrame], list[CapturedFrame]]:
    """What flows before and after a migration in the middle."""
    before: list[CapturedFrame] = []
    after: list[CapturedFrame] = []
    seen = 0

    def counted() -> Iterator[CapturedFrame]:
        nonlocal seen
        for frame in FRAMES:
            seen += 1
            yield frame

    for frame in eventful(counted(), odd, lambda: seen > HALF):
        (after if seen > HALF else before).append(frame)
    return before, after


def test_every_trade_is_sent_and_some_come_after_the_migration_that_were_due_before_it() -> None:
    before, after = played([])
    sent = {(frame.exchange, frame.line) for frame in (*before, *after)}
    assert sent == {(frame.exchange, frame.line) for frame in FRAMES}
    due = {(frame.exchange, frame.line) for frame in FRAMES[:HALF]}
    sent_before = {(frame.exchange, frame.line) for frame in before}
    late = [frame for frame in after if (frame.exchange, frame.line) in due - sent_before]
    assert len(late) >= 10
    assert {frame.exchange for frame in late} == set(EXCHANGES)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_an_exchange_resends_its_last_trades_after_the_migration(exchange: str) -> None:
    before, after = ([frame for frame in part if frame.exchange == exchange] for part in played([]))
    once = {frame.line for frame in before}
    again = [frame for frame in after if frame.line in once]
    assert trades(again) >= RESENT_TRADES
    newest = [frame.line for frame in before][-len(again) :]
    assert [frame.line for frame in again] == newest


def test_frames_that_end_as_dead_letters_come_all_along() -> None:
    odd = odd_frames()
    kinds = {EXCHANGES[frame.exchange].classify(frame.frame).kind for frame in odd}
    assert {FrameKind.TRADE, FrameKind.UNKNOWN} <= kinds
    paths = {frame.path for frame in odd}
    for part in played(odd):
        assert sum(frame.path in paths for frame in part) >= 10


class Died:
    """A stage on which something always breaks."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    @contextmanager
    def __call__(self, *_: object) -> Iterator[Flow]:
        raise self.error
        yield


@pytest.mark.parametrize("error", [StackError("the broker died"), ReplayError("the broker died")])
def test_a_rehearsal_that_breaks_off_is_refused_and_not_an_exception(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    for name, files in {"base": ("1.sql",), "candidate": ("1.sql", "2.sql")}.items():
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).write_text("SELECT 1;")
    monkeypatch.setattr(rehearsal, "_stage", Died(error))
    base, candidate = (Side(name, tmp_path / name) for name in ("base", "candidate"))
    found = rehearsal.rehearse(base, candidate, tmp_path, rate=10, policy=load_policy())
    assert found.refused == ("rehearsal: it broke off: the broker died",)


def test_a_table_of_the_truth_that_the_warehouse_does_not_have_has_lost_all() -> None:
    found = exactness(lambda _: [{"rows": "7"}], Snapshot({}), str, "k2")
    assert {"silver_trades", "dead_letters", "ohlcv_1m", "bronze_trades_kraken"} <= {each.table for each in found}
    assert not OF_THE_TRUTH_ALONE & {each.table for each in found}
    assert all((each.lost, each.is_there, each.is_exact) == (7, False, False) for each in found)
