"""Moods and tides: levels that hold for a spell, within their range, and as often as their shape says."""

import numpy as np
import pytest

from harness.synthetic.activity import LEVEL_BITS, Spells, Tide, Tides
from harness.synthetic.draws import Draws, Integers

FULL = 1 << LEVEL_BITS
SPELL_US = 1 << 10


def times(spells: int, each: int = 4) -> Integers:
    return np.arange(spells * each, dtype=np.int64) * SPELL_US // each


def test_levels_hold_for_a_spell_and_keep_to_their_range() -> None:
    levels = Spells(Draws(1, "x"), 10, (250, 1000), (100, 200)).at(times(500)).reshape(2, 500, 4)
    assert (levels == levels[:, :, :1]).all()
    for found, low, high in zip(levels[:, :, 0], (0.25, 0.1), (1, 0.2), strict=True):
        assert low * FULL - 1 <= found.min() < (low + 0.05 * (high - low)) * FULL
        assert (high - 0.05 * (high - low)) * FULL < found.max() <= high * FULL
        assert found.mean() == pytest.approx((low + high) / 2 * FULL, rel=0.05)


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_levels_do_not_depend_on_how_many_times_are_asked_for_at_once(at_once: int) -> None:
    asked, whole = times(50), Spells(Draws(1, "x"), 10, (0, 1000)).at(times(50))
    spells = Spells(Draws(1, "x"), 10, (0, 1000))
    parts = [spells.at(asked[start : start + at_once]) for start in range(0, len(asked), at_once)]
    # Whole words are drawn, so only the first call's levels are the same numbers; all hold for their spells.
    levels = np.concatenate(parts, axis=1).reshape(50, 4)
    assert (levels == levels[:, :1]).all()
    assert (levels[0] == whole[0, :4]).all()


def test_a_spell_goes_on_when_time_is_counted_from_later() -> None:
    spells = Spells(Draws(1, "x"), 10, (0, 1000))
    before = spells.at(np.array([0, SPELL_US + 100]))[0, -1]
    spells.forward(SPELL_US + 200)
    after = spells.at(np.array([0, SPELL_US - 201, SPELL_US - 200]))[0]
    assert (after[:2] == before).all()
    assert after[2] != before


def test_a_tide_is_low_more_often_than_high_and_has_the_mean_it_says() -> None:
    tide = Tide(10, 400)
    levels = Tides(Draws(1, "x"), [tide]).at(times(20_000, each=1)) / FULL
    assert levels.mean() == pytest.approx(float(tide.mean), rel=0.01)
    assert np.median(levels) == pytest.approx(0.4 + 0.6 / 4, rel=0.02)


def test_tides_multiply_and_none_is_full() -> None:
    assert (Tides(Draws(1, "x"), []).at(times(9)) == FULL).all()
    both = Tides(Draws(1, "x"), [Tide(10, 400), Tide(12, 700)]).at(times(20_000, each=1)) / FULL
    assert both.mean() == pytest.approx(float(Tide(10, 400).mean * Tide(12, 700).mean), rel=0.02)
