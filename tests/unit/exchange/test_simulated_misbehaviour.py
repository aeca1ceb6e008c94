"""Transport faults and when they strike, on connections that only write down what is done to them."""

from __future__ import annotations

import asyncio
import pkgutil
from collections.abc import Callable
from typing import Any

import pytest

from harness.exchange.script import Script
from harness.faults import TRANSPORT_NAMES, FaultError, NoEffect, describe_faults, parse_fault, transport
from harness.faults.transport import TRANSPORT_FAULTS, Ending, describe_transport_faults, make_faults


class FakeDialect:
    exchange = "binance"


class FakeConnection:
    """Writes down what is done to it."""

    dialect = FakeDialect()

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.recent: list[str] = ["a frame"]

    def cut(self, ending: Ending) -> None:
        self.done.append(("cut", ending.name, ending.resends, ending.is_owed))

    def close(self, code: int, _reason: str, ending: Ending) -> None:
        self.done.append(("close", code, ending.resends))

    def mute(self, ending: Ending) -> None:
        self.done.append(("mute", ending.resends))

    def hold(self) -> None:
        self.done.append(("hold",))

    def release(self) -> None:
        self.done.append(("release",))

    def garble(self, _text: bytes, fault: str) -> None:
        self.done.append(("garble", fault))

    def resend(self, frames: int, fault: str) -> int:
        self.done.append(("resend", frames, fault))
        return frames


def struck(text: str, *, frames: int = 1000, seed: int = 7, kill: Any = None) -> tuple[list[int], list[Any]]:
    """At which frames a fault strikes, and what it does."""

    async def play() -> tuple[list[int], list[Any]]:
        line = FakeConnection()
        script = Script([parse_fault(text)], seed, lambda: [line], *([kill] if kill else []))
        moments = []
        for number in range(frames):
            before = len(line.done)
            script.advance(number / frames)
            if len(line.done) > before:
                moments.append(number)
        await script.finish()
        script.check_effect()
        return moments, line.done

    return asyncio.run(play())


def test_each_module_is_a_fault_of_its_own_name_that_says_what_it_stands_for() -> None:
    modules = {module.name for module in pkgutil.iter_modules(transport.__path__)}
    assert modules == set(TRANSPORT_FAULTS) == set(TRANSPORT_NAMES)
    assert {"disconnect", "hole", "close", "half_open", "stall", "resend", "garbage", "kill_client"} == modules
    assert all(len(text) > 20 for text in describe_transport_faults().values())
    assert not set(describe_faults()) & modules


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("disconnect=1", [("cut", "disconnect", True, True)]),
        ("hole=1", [("cut", "hole", False, False)]),
        ("half_open=1", [("mute", True)]),
        ("resend=1", [("resend", 50, "resend")]),
        ("garbage=1", [("garble", "garbage")]),
        ("stall=1", [("hold",), ("release",)]),
    ],
)
def test_a_fault_does_what_it_is_named_after_and_heals(text: str, done: list[tuple[Any, ...]]) -> None:
    assert struck(text)[1] == done


def test_a_close_has_one_of_several_codes() -> None:
    codes = {code for _, code, _ in struck("close=60")[1]}
    assert codes == {1000, 1001, 1008, 1011, 1012, 1013}


def test_a_count_is_spread_over_the_play_one_in_each_part() -> None:
    moments, _ = struck("disconnect=20")
    assert len(moments) == 20
    assert moments[0] >= 50
    assert moments[-1] < 950
    assert [int((moment - 50) * 20 / 900) for moment in moments] == list(range(20))


def test_the_same_seed_strikes_at_the_same_moments_and_another_at_others() -> None:
    assert struck("disconnect=20")[0] == struck("disconnect=20")[0]
    assert struck("disconnect=20")[0] != struck("disconnect=20", seed=8)[0]


def test_a_share_strikes_at_about_so_many_frames() -> None:
    assert 30 < len(struck("resend=5%")[0]) < 75


def test_a_fault_that_finds_no_connection_strikes_as_soon_as_there_is_one() -> None:
    line, lines = FakeConnection(), []
    script = Script([parse_fault("disconnect=3")], 7, lambda: lines)
    for number in range(100):
        script.advance(number / 100)
    assert script.is_waiting
    lines.append(line)
    script.catch_up()
    assert not script.is_waiting
    assert len(line.done) == 3


def test_a_fault_that_never_found_a_connection_is_an_error() -> None:
    script = Script([parse_fault("disconnect=1")], 7, list)
    for number in range(100):
        script.advance(number / 100)
    with pytest.raises(NoEffect, match="fault disconnect=1 struck 0 times; use"):
        script.check_effect()


def test_a_client_is_killed_and_started_again() -> None:
    log: list[str] = []

    def kill(exchange: str) -> Callable[[], None]:
        log.append(f"kill {exchange}")
        return lambda: log.append(f"start {exchange}")

    struck("kill_client=2", kill=kill)
    assert sorted(log) == ["kill binance", "kill binance", "start binance", "start binance"]


def test_other_peoples_clients_are_not_killed() -> None:
    with pytest.raises(FaultError, match="a client of binance is not ours to kill; it needs a run with"):
        struck("kill_client=1")


def test_a_fault_asked_for_twice_is_refused() -> None:
    with pytest.raises(FaultError, match="'stall' is given more than once"):
        make_faults([parse_fault("stall=1"), parse_fault("stall=2")], 7)


def test_an_unknown_fault_names_these_too() -> None:
    with pytest.raises(FaultError, match=r"there are .*withhold.*disconnect"):
        parse_fault("nonsense=1")


def test_a_resend_waits_for_a_connection_that_has_frames() -> None:
    """A connection that has had nothing yet would make a resend of nothing, which strikes nobody."""
    line, other = FakeConnection(), FakeConnection()
    line.recent, other.recent = [], []
    script = Script([parse_fault("resend=1")], 7, lambda: [line, other])
    for number in range(100):
        script.advance(number / 100)
    assert script.is_waiting
    with pytest.raises(NoEffect, match="fault resend=1 struck 0 times"):
        script.check_effect()
    other.recent = ["a frame"]
    script.catch_up()
    assert (line.done, other.done) == ([], [("resend", 50, "resend")])
    script.check_effect()
