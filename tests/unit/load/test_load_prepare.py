"""The frames of a load test are made once: exactly the trades of the schedule, shared out by symbol."""

import json
from collections import Counter
from pathlib import Path

import pytest

from k2pipeline.exchanges import EXCHANGES, FrameKind
from load.job import Job
from load.prepare import DueFrame, frames_of, prepare, read_frames
from load.profile import Profile

START = 1_767_225_600 * 10**9


def job(path: Path, *, workers: int = 0, rate: float = 500, seconds: float = 5, seed: int = 3) -> Job:
    profile = Profile("p", rate=rate, seconds=seconds, shares={"binance": 1.0, "kraken": 0.1})
    return Job(profile, "127.0.0.1:1", path, seed, START, workers)


def whole(made: Job, exchange: str) -> list[DueFrame]:
    return list(frames_of(made, exchange))


@pytest.mark.parametrize("exchange", ["binance", "kraken"])
@pytest.mark.parametrize("seconds", [1.0, 5.0, 5.7])
def test_there_are_exactly_as_many_trades_as_the_schedule_has(tmp_path: Path, exchange: str, seconds: float) -> None:
    made = job(tmp_path, seconds=seconds)
    frames = whole(made, exchange)
    assert sum(due.trades for due in frames) == made.profile.pace(exchange).trades
    places = [due.place for due in frames]
    assert places == [sum(due.trades for due in frames[:number]) for number in range(len(frames))]


@pytest.mark.parametrize("exchange", ["binance", "kraken"])
def test_each_frame_is_a_trade_frame_and_classified_as_the_exchange_has_it(tmp_path: Path, exchange: str) -> None:
    for due in whole(job(tmp_path), exchange):
        frame = EXCHANGES[exchange].classify(due.frame)
        assert (frame.kind, frame.symbol, frame.trades) == (FrameKind.TRADE, due.symbol, due.trades)


@pytest.mark.parametrize(("rate", "seconds", "most"), [(431, 7, 1), (3_000, 200, 55)])
def test_neither_the_end_nor_a_frame_as_long_as_a_snapshot_leaves_a_hole_in_the_ids(
    tmp_path: Path, rate: float, seconds: float, most: int
) -> None:
    last: Counter[str] = Counter()
    frames = whole(job(tmp_path, rate=rate, seconds=seconds, seed=4), "kraken")
    assert max(due.trades for due in frames) >= most
    for due in frames:
        for trade in json.loads(due.frame)["data"]:
            known = last[trade["symbol"]]
            assert not known or trade["trade_id"] == known + 1
            last[trade["symbol"]] = trade["trade_id"]


@pytest.mark.parametrize("exchange", ["binance", "kraken"])
def test_trades_happen_when_they_are_due_in_a_market_as_bursty_as_any(tmp_path: Path, exchange: str) -> None:
    """Their own arrivals would be seconds from the schedule within a minute, and minutes within an hour."""
    made = job(tmp_path, seconds=60)
    due_ns, event_ns = made.profile.pace(exchange).timetable(), EXCHANGES[exchange].wire.event_ns
    aside_ns = [event_ns(due.frame) - START - due_ns(due.place) for due in whole(made, exchange)]
    # The trades of an order happen at once, and are sent one after the other; Binance tells of them up to 220 ms later.
    assert min(aside_ns) > -(10**9)
    assert max(aside_ns) <= 250_000_000


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_the_parts_together_are_the_whole_and_no_symbol_is_in_two(tmp_path: Path, workers: int) -> None:
    made = job(tmp_path, workers=workers)
    prepare(made)
    for exchange in made.profile.shares:
        names = [name for name in made.senders if name.startswith(exchange)]
        assert len(names) == max(workers, 1)
        parts = [list(read_frames(made.frames(name))) for name in names]
        assert sorted((due for part in parts for due in part), key=lambda due: due.place) == whole(made, exchange)
        symbols = [{due.symbol for due in part} for part in parts]
        assert sum(map(len, symbols)) == len(set().union(*symbols))
        assert all(part == sorted(part, key=lambda due: due.place) for part in parts)
