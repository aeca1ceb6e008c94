"""Numbers at and beyond what Decimal(38, 18) and 64-bit integers hold, as texts."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from harness.synthetic.nasty import Section

Pairs = tuple[tuple[str, str], ...]


class Amounts(NamedTuple):
    """Texts of (price, size), and what is special about them."""

    name: str
    what: str
    pairs: Pairs


AMOUNTS = (
    Amounts(
        "eighteen_decimals",
        "Prices and sizes with 18 decimals: they fit exactly; their products have up to 36.",
        (
            ("61837.123456789012345678", "0.000000000000000001"),
            ("0.000000000000000001", "1.000000000000000001"),
            ("0.123456789012345678", "12345.678901234567890123"),
            ("84095.700000000000000000", "0.100000000000000000"),
        ),
    ),
    Amounts(
        "nineteen_decimals",
        "Prices or sizes with a 19th decimal that is not zero: they do not fit.",
        (
            ("61837.1234567890123456789", "0.01"),
            ("61837.63", "0.0000000000000000001"),
            ("0.0000000000000000005", "0.0000000000000000005"),
            ("0.1234567890123456789", "1.0000000000000000001"),
        ),
    ),
    Amounts(
        "zeros_beyond_eighteen",
        "More than 18 decimals, the surplus all zeros: the values fit.",
        (("61837.6300000000000000000", "0.02"), ("61837.63", "0.0200000000000000000000000")),
    ),
    Amounts(
        "twenty_digits",
        "Integer parts of 20 digits: they fit; the last pair's product and the sums over a minute do not.",
        (
            ("99999999999999999999.999999999999999999", "0.000000000000000001"),
            ("12345678901234567890", "1"),
            ("1", "99999999999999999999"),
            ("10000000000000000000.5", "10"),
        ),
    ),
    Amounts(
        "twenty_one_digits",
        "Integer parts of 21 digits and more: overflow.",
        (
            ("100000000000000000000", "1"),
            ("1", "100000000000000000000.000000000000000001"),
            ("123456789012345678901234567890", "1"),
            ("9" * 60, "0." + "0" * 59 + "1"),
        ),
    ),
    Amounts(
        "leading_zeros",
        "Zeros in front: text that means a number, but is no JSON number (so a frame of numbers is no JSON).",
        (("00061837.63", "0.02"), ("61837.63", "00.02")),
    ),
    Amounts(
        "scientific",
        "Scientific notation of values that fit.",
        (
            ("6.183763e4", "2.5e-7"),
            ("6E4", "1E-8"),
            ("61837.63e0", "25e-3"),
            ("0.6183763e+5", "7.487e-05"),
            ("1e-18", "1e19"),
        ),
    ),
    Amounts(
        "scientific_not_fitting",
        "Scientific notation of values that are too fine or too large.",
        (("6.18e4", "1e-19"), ("1e20", "1"), ("1e400", "1e-400")),
    ),
    Amounts(
        "not_positive",
        "Zero and negative prices and sizes: implausible, and exact.",
        (
            ("0.00000000", "0.02"),
            ("61837.63", "0.00000000"),
            ("0", "0"),
            ("-61837.63", "0.02"),
            ("61837.63", "-0.02"),
            ("-0.00000000", "0.02"),
            ("-1", "-1"),
        ),
    ),
)

_FAR_IDS = ("0", "1", "1000000000", "4294967296", "9007199254740993", "9223372036854775807")
_HUGE_IDS = ("9223372036854775808", "18446744073709551614", "18446744073709551615")
_IDS_NOT_OF_64_BITS = ("18446744073709551616", "-1", "1.5", "1e3", "123456789012345678901234567890")
_IDS = (
    (
        "far_ids",
        "Ids far apart: 0, 2**32, 2**53 + 1 (which no double holds) and 2**63 - 1 among them",
        _FAR_IDS,
    ),
    ("huge_ids", "Ids from 2**63 to 2**64 - 1, which only an unsigned 64-bit integer holds", _HUGE_IDS),
    (
        "ids_not_of_64_bits",
        "Ids beyond 2**64 - 1, negative, or not written as an integer",
        _IDS_NOT_OF_64_BITS,
    ),
)


def amount_sections(frames: Callable[[Pairs], Iterable[str]]) -> list[Section]:
    """Write a section for each kind of amounts; `frames` encodes trades of those prices and sizes."""
    return [Section(name, what, tuple(frames(pairs))) for name, what, pairs in AMOUNTS]


def id_sections(symbols: tuple[str, str, str], frame: Callable[[str, str], str]) -> list[Section]:
    """Write a section for each kind of ids, with a symbol each; `frame` encodes a trade of (symbol, id)."""
    return [
        Section(name, f"{what} ({symbol}).", tuple(frame(symbol, text) for text in ids))
        for symbol, (name, what, ids) in zip(symbols, _IDS, strict=True)
    ]
