from collections import Counter
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.synthetic.coined import COINED
from harness.synthetic.draws import BLOCK_WORDS, Draws
from harness.synthetic.exchanges import EXCHANGES
from harness.synthetic.ids import Ids
from harness.synthetic.instruments import Instrument, instrument
from harness.synthetic.listing import instruments
from harness.synthetic.popularity import SLOT_MASK, popularity
from harness.synthetic.quantiles import ONE_BITS, exponential, half_powers, permille
from harness.truth.binance import split

ONE = 1 << ONE_BITS


def test_words_are_those_of_shake_128_on_every_machine() -> None:
    assert Draws(7, "prices").words(3).tolist() == [
        7_217_996_204_966_758_514,
        17_105_370_126_398_230_515,
        14_029_074_870_555_955_907,
    ]


def test_streams_of_other_names_and_seeds_differ() -> None:
    assert len({Draws(seed, name).word() for seed in (1, 2) for name in ("prices", "sizes")}) == 4


@given(st.lists(st.integers(0, 3 * BLOCK_WORDS), max_size=6))
def test_a_stream_does_not_depend_on_how_many_words_are_read_at_a_time(counts: list[int]) -> None:
    draws = Draws(7, "prices")
    read = [word for count in counts for word in draws.words(count).tolist()]
    assert read == Draws(7, "prices").words(sum(counts)).tolist()


@given(st.integers(0, 2_000), st.sampled_from([8, 16, 32]))
def test_bits_are_the_parts_of_words_from_the_low_end(count: int, width: int) -> None:
    words = Draws(7, "prices").words(-(-count * width // 64)).tolist()
    parts = [word >> shift & (1 << width) - 1 for word in words for shift in range(0, 64, width)]
    assert Draws(7, "prices").bits(count, width).tolist() == parts[:count]


def test_exponential_draws_have_the_quantiles_and_the_mean_of_the_distribution() -> None:
    draws = np.arange(0, 1 << 32, 1 << 12)
    made = exponential(draws)
    for share in (0.01, 0.25, 0.5, 0.9, 0.99, 0.999):
        assert made[int(share * len(made))] / ONE == pytest.approx(-np.log1p(-share), rel=4e-4)
    assert made.mean() / ONE == pytest.approx(1, abs=2e-4)
    assert (np.diff(made) >= 0).all()
    assert made[0] == 0


@pytest.mark.parametrize(("halves", "mean"), [(1, 0.8862), (2, 1), (3, 1.3293), (4, 2)])
def test_half_powers_have_the_means_of_weibull_distributions(halves: int, mean: float) -> None:
    assert half_powers(halves).mean() / ONE == pytest.approx(mean, rel=0.005)  # gamma(1 + halves / 2)


def test_chances_in_permille_are_bounds_of_16_bit_draws() -> None:
    assert permille(0, 250, 1000).tolist() == [0, 16384, 65536]


def test_popularity_falls_with_rank_and_forgets_nobody() -> None:
    slots = popularity(300)
    share = Counter(slots)
    assert len(slots) == SLOT_MASK + 1
    assert set(slots) == set(range(300))
    assert share[0] > 1.9 * share[1] > 3 * share[9]


@pytest.mark.parametrize("count", [0, 100_000])
def test_popularity_refuses_what_cannot_share_the_slots(count: int) -> None:
    with pytest.raises(ValueError, match=f"^{count} instruments"):
        popularity(count)


def test_ids_are_consecutive_per_instrument_whatever_they_are_asked_for_with() -> None:
    ids = Ids(Draws(1, "ids"), 3, 0)
    first = ids.take(np.array([0, 2, 0, 0]))
    second = ids.take(np.array([2, 1, 0]))
    assert (first[[2, 3]] - first[0]).tolist() == [1, 2]
    assert second[2] == first[3] + 1
    assert second[0] == first[1] + 1
    assert ids.take(np.array([], np.int64)).tolist() == []


def test_id_jumps_come_as_often_as_asked_and_leave_ids_out() -> None:
    numbers = np.tile(np.arange(4), 25_000)
    jumping = Ids(Draws(1, "ids"), 4, 2_000).take(numbers).reshape(-1, 4)
    steps = np.diff(jumping, axis=0).ravel()
    assert steps.min() == 1
    assert (steps > 1).sum() == pytest.approx(200, rel=0.25)
    assert steps[steps > 1].mean() == pytest.approx(51, rel=0.5)


def test_an_instruments_grids_are_the_decimals_written() -> None:
    built = instrument("ETH/BTC", "0.03197", "0.0410", separator="")
    assert built == Instrument("ETHBTC", "ETH", "BTC", 5, 4, 3_197, 410)


@pytest.mark.parametrize("exchange", sorted(EXCHANGES))
def test_instruments_beyond_the_well_known_are_coined_and_all_different(exchange: str) -> None:
    module = EXCHANGES[exchange]
    most = len(module.INSTRUMENTS) + len(COINED) * len(module.QUOTES)
    listed = instruments(module, most)
    assert listed[: len(module.INSTRUMENTS)] == module.INSTRUMENTS
    assert len({known.symbol for known in listed}) == most >= 3_000
    assert instruments(module, 5) == listed[:5]
    assert instruments(module, [listed[-1].symbol]) == (listed[-1],)
    with pytest.raises(ValueError, match=f"give a number from 1 to {most}"):
        instruments(module, most + 1)


@pytest.mark.parametrize("exchange", sorted(EXCHANGES))
def test_an_instrument_has_ticks_to_move_by_and_a_smallest_order_of_some_dollars(exchange: str) -> None:
    dollars = {"USD": 1.0, "USDT": 1.0, "USDC": 1.0, "FDUSD": 1.0, "BUSD": 1.0, "EUR": 1.17, "TRY": 0.024}
    dollars |= {"BTC": 84_106.0, "ETH": 2_689.0}
    for known in instruments(EXCHANGES[exchange], 2_000):
        assert known.usual_price_ticks >= 500
        price = known.usual_price_ticks / 10**known.price_decimals
        smallest = known.smallest_size_lots / 10**known.size_decimals
        assert 3 < price * smallest * dollars[known.quote] < 8, known


def test_a_symbol_without_a_separator_splits_into_the_base_and_quote_it_was_made_of() -> None:
    for known in instruments(EXCHANGES["binance"], 4_022):
        assert split(known.symbol) == (known.base, known.quote)


def test_coined_assets_are_worth_the_same_on_every_exchange() -> None:
    one, other = ({k.base: k for k in instruments(each, 500) if k.base in COINED} for each in EXCHANGES.values())
    shared = one.keys() & other.keys()
    assert len(shared) > 400
    for base in shared:
        assert one[base].usual_price_ticks == other[base].usual_price_ticks
        assert one[base].price_decimals == other[base].price_decimals


def test_coined_names_are_short_capital_letters_and_no_asset_that_exists_here() -> None:
    assert len(set(COINED)) == len(COINED) == 1_000
    assert all(name.isascii() and name.isalpha() and name.isupper() and 3 <= len(name) <= 9 for name in COINED)
    assert not set(COINED) & {known.base for module in EXCHANGES.values() for known in module.INSTRUMENTS}


def test_the_kept_names_are_those_that_faker_coins() -> None:
    faker = pytest.importorskip("faker", reason="Faker is needed to coin the names anew")
    from harness.synthetic.coining import KEPT, coin, module_text

    if faker.VERSION.split(".")[0] != "40":
        pytest.skip(f"the names were coined by Faker 40; Faker {faker.VERSION} may have other words")
    assert tuple(islice(coin(), len(COINED))) == COINED
    assert KEPT.read_text() == module_text()
