import re
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.truth import wide
from harness.truth.decimals import EXACT, exact

E18 = 10**18
HELD = [
    ("61837.63000000", 61837_630000000000000000),
    ("0.02", 20000000000000000),
    ("0", 0),
    ("-0.00", 0),
    ("-61837.63", -61837_630000000000000000),
    ("00061837.63", 61837_630000000000000000),
    ("0" * 60 + "1", E18),
    ("0.000000000000000001", 1),
    ("0.123456789012345678", 123456789012345678),
    ("84095.700000000000000000", 84095_700000000000000000),
    ("61837.6300000000000000000", 61837_630000000000000000),  # 19 places, the last one a zero
    ("1." + "0" * 500, E18),
    ("99999999999999999999.999999999999999999", 10**38 - 1),
    ("-99999999999999999999.999999999999999999", 1 - 10**38),
    ("12345678901234567890", 12345678901234567890 * E18),
    ("2.5e-7", 250000000000),
    ("6.183763e4", 61837_630000000000000000),
    ("0.6183763E+5", 61837_630000000000000000),
    ("25e-3", 25000000000000000),
    ("1e-18", 1),
    ("10e-19", 1),
    ("0.1e-17", 1),
    ("1e19", 10**37),
    ("99999999999999999999e0", 99999999999999999999 * E18),
    ("9.9999999999999999999e19", 99999999999999999999 * E18),
    ("0.00000000000000000000000000000000000000001e41", E18),
    ("100000000000000000000e-1", 10**37),
    ("0e9999", 0),
    ("-0e-9999", 0),
    ("0.000e5", 0),
    ("1" + "0" * 300 + "e-300", E18),
]
NOT_HELD = [
    *("0.0000000000000000001", "61837.1234567890123456789", "1e-19", "1.5e-18", "1e-9999", "1e-400"),
    *("100000000000000000000", "1e20", "-1e20", "1e400", "1e9999", "123456789012345678901234567890"),
    *("100000000000000000000.000000000000000001", "9" * 60, "0." + "0" * 59 + "1"),
    *(
        "",
        " ",
        "abc",
        "NaN",
        "Infinity",
        "-",
        "+1",
        "--1",
        ".5",
        "5.",
        "1,5",
        "1.2.3",
        "1 ",
        " 1",
        "1\n",
        "0x10",
        "1_000",
    ),
    *("1e", "e5", "1e+", "1e1.5", "1e00001", "1e+00001", "1e-10000", "1E+-5", "\u0661", "\uff11", "1\x00"),
]


@pytest.mark.parametrize(("text", "unscaled"), HELD, ids=lambda each: str(each)[:40])
def test_number_that_fits_is_exact(text: str, unscaled: int) -> None:
    column = exact(pl.Series([text]))
    assert column.dtype == EXACT
    assert column.to_physical().to_list() == [unscaled]


@pytest.mark.parametrize("text", NOT_HELD, ids=lambda each: repr(each)[:40])
def test_number_that_does_not_fit_or_is_none_is_null(text: str) -> None:
    assert exact(pl.Series([text])).to_list() == [None]


def test_odd_numbers_among_plain_ones_stay_in_their_rows() -> None:
    column = exact(pl.Series(["1", "1e-19", "2", "2e1", "x", "3.5"]))
    assert column.to_list() == [Decimal(1), None, Decimal(2), Decimal(20), None, Decimal("3.5")]


number_texts = st.from_regex(r"-?[0-9]{1,22}([.][0-9]{1,21})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)


@given(number_texts)
def test_any_number_is_its_exact_value_or_null(text: str) -> None:
    sign, whole, fraction, exponent = re.fullmatch(r"(-?)(\d+)(?:\.(\d+))?(?:[eE](.+))?", text).groups("")  # type: ignore[union-attr]
    value = Fraction(int(sign + whole + fraction), 10 ** len(fraction)) * Fraction(10) ** int(exponent or 0)
    unscaled = value * E18
    fits = unscaled.denominator == 1 and abs(value) < 10**20
    assert exact(pl.Series([text])).to_physical().to_list() == [unscaled if fits else None]


unscaled_numbers = st.integers(1 - 10**38, 10**38 - 1) | st.sampled_from(
    [0, 1, -1, 2**63, -(2**63), 2**64 - 1, 2**64, -(2**64), 10**38 - 1, 1 - 10**38, 2**126, E18]
)


def column_of(unscaled: list[int]) -> pl.Series:
    return pl.Series([Decimal(f"{number}e-18") for number in unscaled], dtype=EXACT)


@given(st.lists(st.tuples(unscaled_numbers, unscaled_numbers), min_size=1, max_size=20))
def test_product_is_exact_to_the_last_of_76_digits(pairs: list[tuple[int, int]]) -> None:
    left, right = (column_of(list(side)) for side in zip(*pairs, strict=True))
    products = wide.decimals(wide.product(left, right), 36)
    assert [Fraction(each) * 10**36 for each in products] == [a * b for a, b in pairs]


@given(st.lists(unscaled_numbers, min_size=1, max_size=20))
def test_widening_keeps_the_value(unscaled: list[int]) -> None:
    widened = wide.decimals(wide.widened(column_of(unscaled)), 18)
    assert [Fraction(each) * E18 for each in widened] == unscaled


def summed(column: pl.Series) -> pl.Series:
    return wide.total(wide.unpacked(column.alias("volume")).sum(), "volume")


@given(st.lists(st.integers(0, 10**38 - 1), min_size=1, max_size=30))
def test_sum_is_exact(unscaled: list[int]) -> None:
    [total] = wide.decimals(summed(wide.widened(column_of(unscaled))), 18)
    assert Fraction(total) * E18 == sum(unscaled)


def test_sum_of_thousands_of_the_largest_numbers_is_exact() -> None:
    [volume] = wide.decimals(summed(wide.widened(column_of([10**38 - 1] * 5_000))), 18)
    assert str(volume) == "499999999999999999999999.999999999999995000"


def test_sum_of_thousands_of_products_of_20_digits_is_exact() -> None:
    products = wide.product(column_of([10**38 - 1] * 5_000), column_of([10**34 + 1] * 5_000))
    [total] = wide.decimals(summed(products), 36)
    assert Fraction(total) * 10**36 == 5_000 * (10**72 + 10**38 - 10**34 - 1)


def test_sum_beyond_76_digits_is_an_error_and_not_a_wrong_number() -> None:
    largest = column_of([10**38 - 1] * 2)
    with pytest.raises(OverflowError, match="the volume of a candle has 77 digits"):
        summed(wide.product(largest, largest))
