from collections import Counter
from itertools import islice, takewhile

import pytest

from harness.synthetic.arrivals import arrivals
from harness.synthetic.draws import BLOCK_WORDS, stream, words
from harness.synthetic.instruments import decimal_text, instrument
from harness.synthetic.popularity import SLOT_MASK, popularity
from harness.synthetic.prices import PriceWalk
from harness.synthetic.sizes import FILLS, LARGEST_ORDER_FILLS, size_lots


def test_words_are_those_of_shake_128_on_every_machine() -> None:
    assert list(islice(words(7, "prices"), 3)) == [
        7_217_996_204_966_758_514,
        17_105_370_126_398_230_515,
        14_029_074_870_555_955_907,
    ]


def test_streams_of_other_names_and_seeds_differ() -> None:
    first = {next(words(seed, name)) for seed in (1, 2) for name in ("prices", "sizes")}
    assert len(first) == 4


def test_a_block_is_followed_by_another_one() -> None:
    drawn = list(islice(words(7, "prices"), 2 * BLOCK_WORDS))
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize(
    ("units", "decimals", "text"),
    [(8_409_570, 2, "84095.70"), (1, 8, "0.00000001"), (5, 0, "5"), (100, 2, "1.00"), (0, 3, "0.000")],
)
def test_decimal_text_keeps_every_place(units: int, decimals: int, text: str) -> None:
    assert decimal_text(units, decimals) == text


def test_an_instruments_grids_are_the_decimals_written() -> None:
    built = instrument("ETHBTC", "0.03197", "0.0410")
    assert (built.price_decimals, built.usual_price_ticks) == (5, 3_197)
    assert (built.size_decimals, built.usual_size_lots) == (4, 410)


def test_arrivals_hold_the_mean_rate_in_the_long_run() -> None:
    hours_4_ns = 4 * 3_600 * 10**9
    times = list(takewhile(lambda time_ns: time_ns < hours_4_ns, arrivals(stream(1, "a"), 0, 10**8)))
    assert times == sorted(times)
    assert len(times) == pytest.approx(144_000, rel=0.1)


def test_arrivals_hold_the_mean_rate_when_gaps_are_longer_than_spells() -> None:
    times = list(islice(arrivals(stream(1, "a"), 0, 60 * 10**9), 5_000))
    assert times[-1] == pytest.approx(5_000 * 60 * 10**9, rel=0.1)


def test_arrivals_come_in_bursts() -> None:
    times = islice(arrivals(stream(1, "a"), 0, 10**8), 20_000)
    per_second = Counter(time_ns // 10**9 for time_ns in times)
    busiest, calm = max(per_second.values()), sorted(per_second.values())[len(per_second) // 10]
    assert busiest >= 30  # three times the mean of ten
    assert calm <= 4


def test_popularity_falls_with_rank_and_forgets_nobody() -> None:
    slots = popularity(300)
    share = Counter(slots)
    assert len(slots) == SLOT_MASK + 1
    assert set(slots) == set(range(300))
    assert share[0] > 1.9 * share[1] > 3 * share[9]


@pytest.mark.parametrize("instruments", [0, 100_000])
def test_popularity_refuses_what_cannot_share_the_slots(instruments: int) -> None:
    with pytest.raises(ValueError, match=f"^{instruments} instruments"):
        popularity(instruments)


def test_a_price_walk_stays_positive_and_near_the_usual_price() -> None:
    walk, draw = PriceWalk(instrument("X", "84106.10", "0.1")), stream(1, "p")
    bids = [walk.step(draw()) for _ in range(50_000)]
    assert 0.9 * 8_410_610 < min(bids) < 8_410_610 < max(bids) < 1.1 * 8_410_610
    assert len(set(bids)) > 1_000


def test_a_price_walk_on_the_lowest_tick_does_not_reach_zero() -> None:
    walk = PriceWalk(instrument("X", "0.00000001", "1"))
    assert {walk.step(0) for _ in range(100_000)} == {1}


def test_sizes_spread_over_magnitudes_around_the_usual_one() -> None:
    draw = stream(1, "s")
    sizes = sorted(size_lots(1_000, draw(), draw()) for _ in range(10_000))
    assert 500 < sizes[5_000] < 3_000
    assert sizes[100] * 100 < sizes[-100]


def test_some_sizes_are_round_and_none_is_zero() -> None:
    draw = stream(1, "s")
    sizes = [size_lots(123_457, draw(), draw()) for _ in range(10_000)]
    assert 3_000 < sum(str(size).rstrip("0") in set("123456789") for size in sizes) < 4_500
    assert size_lots(1, 0, 0) == 1


def test_two_orders_in_three_take_one_fill_and_few_take_very_many() -> None:
    assert FILLS.count(1) / len(FILLS) == pytest.approx(0.6464, abs=0.001)
    assert max(FILLS) == LARGEST_ORDER_FILLS
    for fills in (2, 10, 100):
        at_least = sum(number >= fills for number in FILLS) / len(FILLS)
        assert at_least == pytest.approx(fills**-1.5, abs=0.001)
