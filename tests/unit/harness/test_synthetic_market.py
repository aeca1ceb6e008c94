"""The parts of the market: arrivals, fills, sizes, books and drift, each against what it is meant to be."""

import tracemalloc
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.synthetic.arrivals import Arrivals, Excitement, Kernel, Takers
from harness.synthetic.draws import Draws, Integers
from harness.synthetic.drift import BLOCK_SECONDS, VALUE_BITS, VOLATILITIES_PERCENT, Drift
from harness.synthetic.exchanges import EXCHANGES, binance, kraken
from harness.synthetic.fills import MOST_FILLS, Depth, fill, fills_edges, mean_fills
from harness.synthetic.instruments import instrument
from harness.synthetic.prices import LATER_US, SOON_US, Books, Clocks
from harness.synthetic.sizes import Population, Sizes
from harness.synthetic.trades import Market, Plan, Trades

SECOND_US = 1_000_000
BEHAVIOURS = {"binance": binance.BEHAVIOUR, "kraken": kraken.BEHAVIOUR}
every_behaviour = pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=BEHAVIOURS)
EVEN = np.array([0, 1], np.int64)
CALM = Excitement((Kernel(1, 1_000, 0, 0),))


def arrivals(excitement: Excitement, gap_us: int, slots: Integers = EVEN, depth: Depth | None = None) -> Arrivals:
    edges = fills_edges(depth or binance.BEHAVIOUR.depth)
    return Arrivals(Draws(1, "arrivals"), slots, edges, excitement, Fraction(gap_us))


def taken(excitement: Excitement, gap_us: int, seconds: int, **more: Any) -> Takers:
    return arrivals(excitement, gap_us, **more).next_slice(seconds * SECOND_US)


def shares_kept(takers: Takers, marks: Integers, gap_us: int) -> float:
    """The share of takers at most gap_us after another whose mark equals that one's."""
    soon = np.diff(takers.time_us) <= gap_us
    return float((marks[1:] == marks[:-1])[soon].mean())


def trades(symbols: int = 3, seconds: int = 60, rate: int = 500, seed: int = 1, jumps: int = 0) -> list[Trades]:
    known = binance.INSTRUMENTS[:symbols]
    plan = Plan(seed, 10**18, 10**18 + seconds * 10**9, Fraction(rate), known, jumps)
    return list(Market("binance", binance.BEHAVIOUR, plan).trades())


def column(parts: list[Trades], name: str) -> Integers:
    return np.concatenate([getattr(part, name) for part in parts])


@every_behaviour
def test_takers_come_at_the_asked_rate_in_the_long_run(behaviour: Any) -> None:
    count = len(taken(behaviour.excitement, 20_000, 4_000, depth=behaviour.depth).time_us)
    assert count == pytest.approx(200_000, rel=0.05)


@pytest.mark.parametrize("gap_us", [1, 900, 10**7, 3 * 10**9])
def test_takers_come_at_the_asked_rate_however_high_or_low_it_is(gap_us: int) -> None:
    source = arrivals(CALM, gap_us)
    count = sum(len(source.next_slice(200 * gap_us).time_us) for _ in range(100))
    assert count == pytest.approx(20_000, rel=0.05 if gap_us > 10**6 else 0.7)  # moods are longer than 20 ms


def test_memory_does_not_grow_with_the_takers_that_warm_the_process_up() -> None:
    tracemalloc.start()
    arrivals(Excitement((Kernel(10, SECOND_US // 4, 0, 0),)), gap_us=1)  # so a million of them
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 9_000_000


def test_takers_come_by_time_within_the_slice_they_are_asked_for() -> None:
    source = arrivals(binance.BEHAVIOUR.excitement, 5_000)
    for _ in range(20):
        times = source.next_slice(SECOND_US // 4).time_us
        assert (np.diff(times) >= 0).all()
        assert times.min() >= 0
        assert times.max() < SECOND_US // 4


def test_slices_are_cut_from_one_process_and_followers_cross_them() -> None:
    lone = Excitement((Kernel(900, 3 * SECOND_US, 1000, 1000),))
    source = arrivals(lone, SECOND_US)
    counts = [len(source.next_slice(SECOND_US).time_us) for _ in range(3_000)]
    assert np.corrcoef(counts[:-1], counts[1:])[0, 1] > 0.3


def test_takers_call_others_so_that_they_come_in_bursts() -> None:
    def dispersion(excitement: Excitement) -> float:
        """Variance over mean of the takers in each tenth of a second; without excitement it is about 1."""
        times = taken(excitement, 10_000, 2_000).time_us
        counts = np.bincount(times // 100_000)
        return float(counts.var() / counts.mean())

    calm = dispersion(CALM)
    assert 1 < calm < 2.5  # what is left are the moods
    assert dispersion(binance.BEHAVIOUR.excitement) > 4 * calm


def test_takers_with_more_fills_have_more_followers() -> None:
    source = taken(Excitement((Kernel(200, 2_000, 1000, 1000),), ((1, 1000), (2, 5000))), 50_000, 1_000)
    is_followed, fills = np.diff(source.time_us) < 4_000, source.fills[:-1]
    assert is_followed[fills > 1].mean() > 1.6 * is_followed[fills == 1].mean()


def test_a_process_that_explodes_is_refused() -> None:
    with pytest.raises(ValueError, match="explodes"):
        arrivals(Excitement((Kernel(600, 1_000, 0, 0), Kernel(400, 1_000, 0, 0))), 1_000)


@pytest.mark.parametrize(("same_instrument", "same_side"), [(1000, 0), (0, 1000), (600, 600)])
def test_followers_keep_to_instrument_and_side_as_often_as_the_kernel_says(
    same_instrument: int, same_side: int
) -> None:
    takers = taken(Excitement((Kernel(100, 500, same_instrument, same_side),)), 200_000, 20_000)
    for marks, kept in ((takers.number, same_instrument), (takers.buys, same_side)):
        # One that draws its own agrees with the one before half of the time.
        assert shares_kept(takers, marks, 1_000) == pytest.approx((1 + kept / 1000) / 2, abs=0.03)


def test_a_taker_of_its_own_follows_the_popularity_of_instruments() -> None:
    takers = taken(binance.BEHAVIOUR.excitement, 5_000, 1_000, slots=np.array([0, 0, 0, 1]))
    assert (takers.number == 0).mean() == pytest.approx(0.75, abs=0.02)


@every_behaviour
def test_the_mean_number_of_fills_is_that_of_the_draws(behaviour: Any) -> None:
    draws = np.arange(65536)
    counts = 1 + np.searchsorted(fills_edges(behaviour.depth), draws, side="right")
    assert Fraction(int(counts.sum()), 65536) == mean_fills(behaviour.depth)
    assert counts.max() <= MOST_FILLS
    assert 0.5 < (counts == 1).mean() < 0.8


def test_fills_of_an_order_walk_one_way_and_repeat_only_each_other() -> None:
    per_order = np.array([1, 5, 200, 1, 40] * 50)
    usual = np.full(len(per_order), 6_183_763)
    filled = fill(Draws(1, "fills"), binance.BEHAVIOUR.depth, per_order, np.zeros(len(per_order), np.int64), usual)
    assert np.bincount(filled.order).tolist() == per_order.tolist()
    assert (filled.walked_ticks[filled.first] == 0).all()
    same_order = np.diff(filled.order) == 0
    assert (np.diff(filled.walked_ticks)[same_order] >= 0).all()
    assert (filled.order[filled.original] == filled.order).all()
    assert (filled.walked_ticks[filled.original] == filled.walked_ticks).all()
    assert filled.eaten_ticks.tolist() == [filled.walked_ticks[filled.order == n].max() for n in range(len(per_order))]


def test_books_are_thinner_soon_after_an_order() -> None:
    per_order, usual = np.full(4_000, 10), np.full(4_000, 6_183_763)
    walked = [
        fill(Draws(1, "fills"), binance.BEHAVIOUR.depth, per_order, np.full(4_000, elapsed), usual).eaten_ticks.mean()
        for elapsed in range(3)
    ]
    assert walked[0] > 1.2 * walked[1] > 1.2 * walked[2] > 0


def sizes_drawn(sizes: Sizes, smallest: int, per_order: int, orders: int = 40_000) -> Integers:
    """The sizes of the first fills, in lots."""
    depth = replace(binance.BEHAVIOUR.depth, repeats_permille=0)
    counts, usual = np.full(orders, per_order), np.full(orders, 1_000_000)
    filled = fill(Draws(1, "fills"), depth, counts, np.zeros(orders, np.int64), usual)
    return sizes.lots(Draws(1, "sizes"), np.full(len(filled.order), smallest), filled)


@every_behaviour
def test_sizes_have_many_smallest_ones_and_a_heavy_tail(behaviour: Any) -> None:
    lots = sizes_drawn(behaviour.sizes, 5_000, 1)
    smallest = behaviour.sizes.single[0].share_permille / 1000
    assert (lots == 5_000).mean() == pytest.approx(smallest, abs=0.02)
    assert lots.min() >= 1
    assert np.quantile(lots, 0.99) > 40 * np.median(lots) > 40 * 5_000


def test_sizes_are_round_as_often_as_asked() -> None:
    sizes = Sizes((Population(1000, 100, 50_000, 3),), (Population(1000, 100),), round_permille=400)
    lots = sizes_drawn(sizes, 123_457, 1)
    assert np.mean([str(size).rstrip("0") in set("123456789") for size in lots.tolist()]) == pytest.approx(
        0.4, abs=0.01
    )


def test_fills_that_repeat_have_one_size() -> None:
    parts = trades(seconds=5)
    equal = 0
    for part in parts:
        price, size = part.price_ticks, part.size_lots
        is_first = np.zeros(len(price), bool)
        is_first[part.first] = True
        equal += int(((np.diff(price) == 0) & (np.diff(size) == 0) & ~is_first[1:]).sum())
    assert equal > 0.08 * sum(len(part.number) for part in parts)


def test_a_mixture_of_sizes_that_does_not_add_up_is_refused() -> None:
    wrong = Sizes((Population(900, 100),), (Population(1000, 100),), 0)
    with pytest.raises(ValueError, match="add up to 900; make it 1000"):
        sizes_drawn(wrong, 1, 1)


@pytest.mark.parametrize("exchange", sorted(EXCHANGES))
def test_no_size_or_price_of_any_instrument_overflows(exchange: str) -> None:
    from harness.synthetic.sizes import _ratios

    sizes = BEHAVIOURS[exchange].sizes
    largest = int(_ratios((sizes.single, sizes.several)).max())
    from harness.synthetic.listing import instruments

    for known in instruments(EXCHANGES[exchange], 3_000):
        assert known.smallest_size_lots * largest < 2**63
        assert known.usual_price_ticks < 2**30


def elapsed_after(gaps_us: list[int]) -> list[int]:
    times = np.cumsum(np.array(gaps_us))
    zeros = np.zeros_like(times)
    return Clocks(1).elapsed(Takers(times, zeros, zeros, zeros)).tolist()


def test_clocks_tell_soon_from_later_and_long() -> None:
    assert elapsed_after([0, SOON_US - 1, SOON_US, LATER_US - 1, LATER_US, 0]) == [2, 0, 1, 1, 2, 0]


@given(st.lists(st.tuples(st.integers(0, 300_000), st.integers(0, 2)), max_size=40), st.integers(0, 40))
def test_clocks_do_not_depend_on_where_slices_are_cut(rows: list[tuple[int, int]], cut: int) -> None:
    times, number = np.cumsum([row[0] for row in rows], dtype=np.int64), np.array([row[1] for row in rows], np.int64)
    whole, parts = Clocks(3), Clocks(3)
    takers = Takers(times, number, number, number)
    pieces = [Takers(*(values[piece] for values in takers)) for piece in (slice(cut), slice(cut, None))]
    assert whole.elapsed(takers).tolist() == [each for piece in pieces for each in parts.elapsed(piece).tolist()]


def test_an_order_leaves_the_book_where_it_ended() -> None:
    books = Books(
        Draws(1, "p"),
        [instrument("BTC/USDT", "61837.63", "0.00009")],
        replace(binance.BEHAVIOUR.makers, moves_permille=(0, 0, 0)),
    )
    zeros, drift = np.zeros(3, np.int64), np.full(3, 6_183_763)
    takers = Takers(zeros, zeros, np.array([1, 0, 1]), zeros)
    assert books.bids_ticks(takers, zeros, drift, np.array([40, -15, 0]), 100).tolist() == [
        6_183_763,
        6_183_803,
        6_183_788,
    ]


def test_what_takers_did_wears_off_when_the_drift_moves() -> None:
    still = replace(binance.BEHAVIOUR.makers, moves_permille=(0, 0, 0))
    books = Books(Draws(1, "p"), [instrument("BTC/USDT", "61837.63", "0.00009")], still)
    drift = np.array([6_183_763, 6_183_763, 6_183_863])
    zeros = np.zeros(3, np.int64)
    takers = Takers(zeros, zeros, zeros, zeros)
    assert books.bids_ticks(takers, zeros, drift, np.array([-400, 0, 0]), 100).tolist() == [
        6_183_763,
        6_183_363,
        6_183_563,
    ]


def test_makers_move_as_often_as_asked_and_mostly_the_way_the_taker_goes() -> None:
    makers, books_of = binance.BEHAVIOUR.makers, 400
    number, zeros = np.tile(np.arange(books_of), 50), np.zeros(50 * books_of, np.int64)
    takers = Takers(zeros, number, zeros + 1, zeros)
    for elapsed, (moves, with_taker) in enumerate(zip(makers.moves_permille, makers.with_taker_permille, strict=True)):
        books = Books(Draws(1, "p"), [instrument("BTC/USDT", "61837.63", "0.00009")] * books_of, makers)
        bids = books.bids_ticks(takers, zeros + elapsed, zeros + 6_183_763, zeros, 100)
        moved = np.diff(bids.reshape(50, books_of), axis=0)
        assert (moved != 0).mean() == pytest.approx(moves / 1000, abs=0.015)
        assert (moved[moved != 0] > 0).mean() == pytest.approx(with_taker / 1000, abs=0.03)


def test_takers_cannot_push_a_book_far_from_its_drift() -> None:
    makers, count = binance.BEHAVIOUR.makers, 5_000
    zeros = np.zeros(count, np.int64)
    books = Books(Draws(1, "p"), [instrument("BTC/USDT", "61837.63", "0.00009")], makers)
    takers = Takers(zeros, zeros, zeros + 1, zeros)
    bids = books.bids_ticks(takers, zeros, zeros + 6_183_763, zeros + 300, 283)
    assert 1.0005 < bids.max() / 6_183_763 < 1.0025


def test_assets_share_a_market_and_steady_ones_hardly_move() -> None:
    drift = Drift(3, ["BTC", "ETH", "USDT"])
    paths = np.concatenate([drift.next_block()[0] for _ in range(600)], axis=1) / 2**VALUE_BITS
    steps = np.diff(paths[:, ::16], axis=1)
    assert 0.3 < np.corrcoef(steps[0], steps[1])[0, 1] < 0.9
    assert 0 < steps[2].std() < steps[0].std() / 20
    per_day = steps[0].std() * np.sqrt(86_400 / 16)
    assert 0.005 < per_day < 0.1


def test_an_assets_path_is_the_same_whatever_else_is_traded() -> None:
    alone, together = Drift(3, ["ETH"]), Drift(3, ["ADA", "BTC", "ETH"])
    for _ in range(3):
        assert alone.next_block()[0][0].tolist() == together.next_block()[0][2].tolist()


def test_wild_and_calm_spells_follow_each_other() -> None:
    drift = Drift(3, ["BTC"])
    moved, volatility = [], []
    last = 0
    for _ in range(3_000):
        path, percent = drift.next_block()
        assert path.shape == (1, BLOCK_SECONDS)
        moved.append(abs(int(path[0, -1]) - last))
        volatility.append(percent)
        last = int(path[0, -1])
    assert set(volatility) == set(VOLATILITIES_PERCENT)
    assert np.corrcoef(moved[:-1], moved[1:])[0, 1] > 0.1
    wild = np.array(volatility) > 150
    assert np.mean(np.array(moved)[wild]) > 2 * np.mean(np.array(moved)[~wild])


def test_prices_bounce_between_bid_and_ask() -> None:
    parts = trades(symbols=1, seconds=120, rate=50)
    first = np.concatenate([part.price_ticks[part.first] for part in parts])
    buys = np.concatenate([part.taker_buys[part.first] for part in parts])
    last_of = [np.append(part.first[1:], len(part.number)) - 1 for part in parts]
    last = np.concatenate([part.price_ticks[ends] for part, ends in zip(parts, last_of, strict=True)])
    moves, turned = first[1:] - last[:-1], np.diff(buys) != 0
    # Most orders after one of the other side trade a tick away, most after one of the same side at its price.
    assert np.mean(np.abs(moves[turned]) == 1) > 0.7
    assert np.mean(moves[~turned] == 0) > 0.6
    assert (np.sign(moves[turned]) == np.diff(buys)[turned]).mean() > 0.8


@settings(max_examples=25)
@given(symbols=st.integers(1, 22), seconds=st.integers(1, 90), rate=st.integers(1, 400), seed=st.integers(0, 2**32))
def test_trades_keep_every_promise_whatever_is_asked(symbols: int, seconds: int, rate: int, seed: int) -> None:
    parts = trades(symbols, seconds, rate, seed)
    known = binance.INSTRUMENTS[:symbols]
    number, times = column(parts, "number"), column(parts, "event_us")
    assert (np.diff(times) >= 0).all()
    assert ((times >= 10**15) & (times < 10**15 + seconds * SECOND_US)).all()
    assert ((number >= 0) & (number < symbols)).all()
    for name in ("price_ticks", "size_lots"):
        assert (column(parts, name) >= 1).all()
    for place in range(len(known)):
        assert (np.diff(column(parts, "trade_id")[number == place]) == 1).all()
    for part in parts:
        order = np.repeat(np.arange(len(part.first)), np.diff(part.first, append=len(part.number)))
        for name in ("number", "taker_buys", "market_order", "event_us"):
            values = getattr(part, name)
            assert (values == values[part.first][order]).all()


@settings(max_examples=20)
@given(st.integers(0, 61))
def test_a_split_keeps_orders_whole_and_loses_none(second: int) -> None:
    for part in trades(symbols=2, seconds=60, rate=20):
        before, rest = part.split(10**15 + second * SECOND_US)
        assert (before.event_us < 10**15 + second * SECOND_US).all()
        assert (rest.event_us >= 10**15 + second * SECOND_US).all()
        for name in Trades._fields[:-1]:
            assert np.concatenate([getattr(before, name), getattr(rest, name)]).tolist() == getattr(part, name).tolist()
        assert [*before.first, *(rest.first + len(before.number))] == part.first.tolist()
