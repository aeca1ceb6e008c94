"""Faults on a stream of frames, without a broker."""

from __future__ import annotations

import pkgutil
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harness.faults as faults
from harness.faults import (
    FAULTS,
    Count,
    FaultChain,
    FaultError,
    FaultSpec,
    NoEffect,
    Outgoing,
    Share,
    parse_fault,
)
from harness.faults.duplicate import FARTHEST_FRAMES


def stream(frames: int, symbols: int = 3) -> list[Outgoing]:
    return [Outgoing(n * 10, "binance", f"S{n % symbols}", 1, b"%d" % n) for n in range(frames)]


def through(frames: list[Outgoing], *texts: str, seed: int = 7) -> list[Outgoing]:
    chain = FaultChain([parse_fault(text) for text in texts], seed)
    leaving = [out for frame in frames for out in chain.inject(frame)]
    leaving += chain.heal()
    chain.check_effect()
    return leaving


def test_each_module_is_a_fault_of_its_own_name_that_says_what_it_stands_for() -> None:
    modules = {module.name for module in pkgutil.iter_modules(faults.__path__) if not module.ispkg}
    assert modules == set(FAULTS)
    assert {"duplicate", "gap", "withhold"} <= modules
    assert set(faults.describe_faults()) == set(FAULTS)
    assert all(len(text) > 20 for text in faults.describe_faults().values())


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("duplicate=5%", FaultSpec("duplicate", Share(Fraction(1, 20)))),
        ("gap=0.1%", FaultSpec("gap", Share(Fraction(1, 1000)))),
        ("gap=100%", FaultSpec("gap", Share(Fraction(1)))),
        ("withhold=3", FaultSpec("withhold", Count(3))),
    ],
)
def test_a_fault_is_read_and_written_back(text: str, spec: FaultSpec) -> None:
    assert parse_fault(text) == spec
    assert str(spec) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("drop=5%", r"fault 'drop' is not known; there are .*duplicate.*gap.*withhold"),
        ("", "fault '' is not known"),
        ("gap", r"give an amount, a share \(gap=5%\) or a count \(gap=3\)"),
        ("gap=", "give an amount"),
        ("gap=5.5", "give an amount"),
        ("gap=-1", "give an amount"),
        ("gap=5 %", "give an amount"),
        ("gap=many", "give an amount"),
        ("gap=0", "would change nothing"),
        ("gap=0.0%", "would change nothing"),
        ("gap=101%", "at most 100%"),
    ],
)
def test_a_fault_that_is_none_is_refused_with_the_next_step(text: str, why: str) -> None:
    with pytest.raises(FaultError, match=why):
        parse_fault(text)


def test_the_same_fault_twice_is_refused() -> None:
    with pytest.raises(FaultError, match="'gap' is given more than once"):
        FaultChain([parse_fault("gap=1%"), parse_fault("gap=2%")], 1)


@pytest.mark.parametrize("texts", [("duplicate=20%",), ("gap=5",), ("duplicate=10%", "gap=10%", "withhold=4")])
def test_the_seed_decides_everything(texts: tuple[str, ...]) -> None:
    frames = stream(500)
    assert through(frames, *texts, seed=1) == through(frames, *texts, seed=1)
    assert through(frames, *texts, seed=1) != through(frames, *texts, seed=2)


def test_a_fault_does_the_same_beside_others_that_come_after_it() -> None:
    def gaps(*texts: str) -> list[Outgoing]:
        return [out for out in through(stream(500), *texts) if "gap" in out.faults]

    assert gaps("gap=5%") == gaps("gap=5%", "withhold=3")


def test_without_faults_everything_passes_untouched() -> None:
    assert through(stream(50)) == stream(50)


def test_a_duplicated_frame_leaves_twice_and_only_the_copy_is_tagged() -> None:
    frames = stream(1000)
    leaving = through(frames, "duplicate=10%")
    copies = [out for out in leaving if out.faults]
    assert [out for out in leaving if not out.faults] == frames
    assert 60 < len(copies) < 140
    assert {out.faults for out in copies} == {("duplicate",)}
    assert all(out.owed and out.sent for out in copies)
    assert all(count <= 2 for count in Counter(out.frame for out in leaving).values())


def test_copies_come_right_after_or_some_frames_later_and_are_received_then() -> None:
    leaving = through(stream(2000), "duplicate=5%")
    originals = {out.frame: place for place, out in enumerate(leaving) if not out.faults}
    delays = []
    for place, out in enumerate(leaving):
        if out.faults:
            between = [other for other in leaving[originals[out.frame] + 1 : place] if not other.faults]
            delays.append(len(between))
            assert out.recv_ns == (between[-1].recv_ns if between else int(out.frame) * 10)
    assert delays.count(0) > 20
    assert max(delays) <= FARTHEST_FRAMES
    assert len(set(delays)) > 10


def test_copies_still_held_at_the_end_leave_then() -> None:
    leaving = through(stream(10), "duplicate=100%")
    assert Counter(out.frame for out in leaving) == {b"%d" % n: 2 for n in range(10)}


def test_a_gap_is_not_owed_not_sent_and_never_a_symbols_first_frame() -> None:
    leaving = through(stream(1000, symbols=40), "gap=50%")
    assert [out.frame for out in leaving] == [b"%d" % n for n in range(1000)]
    gaps = [out for out in leaving if out.faults]
    assert 400 < len(gaps) < 560
    assert all(out.faults == ("gap",) and not out.owed and not out.sent for out in gaps)
    assert not any(out.faults for out in leaving[:40])


def test_a_withheld_frame_is_owed_and_not_sent() -> None:
    leaving = through(stream(1000), "withhold=3")
    withheld = [out for out in leaving if out.faults]
    assert len(leaving) == 1000
    assert len(withheld) == 3
    assert all(out.faults == ("withhold",) and out.owed and not out.sent for out in withheld)


@given(seed=st.integers(), number=st.integers(1, 5))
def test_a_count_is_met_exactly_within_four_frames_for_each(seed: int, number: int) -> None:
    leaving = through(stream(4 * number), f"withhold={number}", seed=seed)
    assert sum(not out.sent for out in leaving) == number


def test_faults_in_a_chain_leave_alone_what_is_already_taken() -> None:
    leaving = through(stream(2000), "gap=20%", "withhold=20%", "duplicate=50%")
    tags = Counter(out.faults for out in leaving)
    assert set(tags) == {(), ("gap",), ("withhold",), ("duplicate",)}
    assert all(out.sent for out in leaving if out.faults == ("duplicate",))


def test_a_copy_can_itself_be_withheld() -> None:
    leaving = through(stream(2000), "duplicate=20%", "withhold=20%")
    assert ("duplicate", "withhold") in {out.faults for out in leaving}


def test_copies_held_to_the_end_still_pass_the_faults_after_them() -> None:
    leaving = through(stream(10), "duplicate=100%", "withhold=100%")
    assert Counter((out.frame, out.sent) for out in leaving) == {(b"%d" % n, False): 2 for n in range(10)}


@pytest.mark.parametrize(
    ("frames", "text", "why"),
    [
        (5, "duplicate=0.001%", r"fault duplicate=0\.001% changed 0 of 5 trade frames"),
        (5, "withhold=6", "fault withhold=6 changed [0-5] of 5 trade frames"),
        (3, "gap=100%", "fault gap=100% changed 0 of 0 trade frames"),
        (0, "gap=100%", "use a longer capture, a larger amount or another seed"),
    ],
)
def test_a_fault_that_did_less_than_asked_is_an_error(frames: int, text: str, why: str) -> None:
    with pytest.raises(NoEffect, match=why):
        through(stream(frames), text)
