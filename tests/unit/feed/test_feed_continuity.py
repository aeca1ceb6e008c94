"""Trade ids that are missing, and those that only seem to be."""

from __future__ import annotations

import pytest

from k2pipeline.feed.continuity import Continuity

RUNS = {
    "consecutive": ([[5], [6], [7]], [0, 0, 0]),
    "one missing": ([[5], [7]], [0, 1]),
    "many missing": ([[5], [105], [106]], [0, 99, 0]),
    "a resend": ([[5], [6], [7], [5], [6], [7], [8]], [0] * 7),
    "a resend that ends later": ([[5], [6], [4, 5, 6, 7, 8], [9]], [0, 0, 0, 0]),
    "missing within a frame": ([[5], [6, 8, 9]], [0, 1]),
    "newest first": ([[5], [8, 7, 6]], [0, 0]),
    "late, and so missing when it was looked for": ([[5], [7], [6], [8]], [0, 1, 0, 0]),
    "missing before a first resend": ([[1, 2, 3], [50, 51, 52]], [0, 46]),
}


@pytest.mark.parametrize(("ids", "missing"), RUNS.values(), ids=RUNS.keys())
def test_missing_ids_are_counted_when_the_next_one_comes(ids: list[list[int]], missing: list[int]) -> None:
    continuity = Continuity()
    assert [continuity.see("BTC/USD", each) for each in ids] == missing


def test_symbols_do_not_share_ids() -> None:
    continuity = Continuity()
    assert [continuity.see(symbol, [number]) for symbol, number in (("A", 1), ("B", 900), ("A", 2), ("B", 902))] == [
        0,
        0,
        0,
        1,
    ]


def seen(**ids: list[int]) -> Continuity:
    continuity = Continuity()
    for symbol, numbers in ids.items():
        continuity.see(symbol, numbers)
    return continuity


def test_a_successor_that_overlaps_has_no_gap_to_its_predecessor() -> None:
    assert seen(A=[7, 8, 9]).follow(seen(A=[5, 6, 7])) == {}


def test_a_successor_that_began_too_late_has() -> None:
    assert seen(A=[10, 11], B=[3]).follow(seen(A=[5, 6, 7], B=[2])) == {"A": 2}


def test_a_symbol_that_the_successor_has_yet_to_see_goes_on_where_it_was() -> None:
    successor = Continuity()
    assert successor.follow(seen(A=[7])) == {}
    assert successor.see("A", [9]) == 1


def test_a_successor_behind_its_predecessor_waits_until_it_has_caught_up() -> None:
    successor = seen(A=[5])
    assert successor.follow(seen(A=[5, 6, 7, 8])) == {}
    assert [successor.see("A", [number]) for number in (6, 7, 8, 9, 11)] == [0, 0, 0, 0, 1]
