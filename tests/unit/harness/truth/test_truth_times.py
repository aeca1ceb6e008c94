import polars as pl
import pytest

from harness.truth.times import from_milli_or_microseconds, from_rfc3339, from_seconds

FROM_1900_US = -2_208_988_800_000_000
LAST_OF_2299_US = 10_413_791_999_999_999


@pytest.mark.parametrize(
    ("sent", "time_us"),
    [
        (1723161255342, 1_723_161_255_342_000),
        (1723161255342123, 1_723_161_255_342_123),
        (0, 0),
        (-1, -1_000),
        (99_999_999_999_999, None),  # milliseconds, in the year 5138
        (100_000_000_000_000, 100_000_000_000_000),  # microseconds, in 1973
        (-99_999_999_999_999, None),
        (-100_000_000_000_000, -100_000_000_000_000),
        (-2_208_988_800_000, FROM_1900_US),
        (-2_208_988_800_001, None),
        (FROM_1900_US, FROM_1900_US),
        (FROM_1900_US - 1, None),
        (10_413_791_999_999, 10_413_791_999_999_000),
        (10_413_792_000_000, None),
        (LAST_OF_2299_US, LAST_OF_2299_US),
        (LAST_OF_2299_US + 1, None),
        (1_770_091_506_123_456_789, None),  # nanoseconds
        (2**63 - 1, None),
        (-(2**63), None),
    ],
)
def test_integer_is_milliseconds_or_from_15_digits_on_microseconds(sent: int, time_us: int | None) -> None:
    assert from_milli_or_microseconds(pl.Series([sent], dtype=pl.Int64)).to_list() == [time_us]


@pytest.mark.parametrize(
    ("sent", "time_us"),
    [
        ("2026-09-26T18:09:13.157776Z", 1_790_446_153_157_776),
        ("2026-09-26T18:09:13Z", 1_790_446_153_000_000),
        ("2026-09-26T18:09:13.1Z", 1_790_446_153_100_000),
        ("2026-09-26T18:09:13.157776000Z", 1_790_446_153_157_776),
        ("2026-09-26T18:09:13.000000000000Z", 1_790_446_153_000_000),
        ("2026-09-26T18:09:13.1577761Z", None),
        ("2026-09-26T18:09:13.0000001Z", None),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
        ("2023-02-29T00:00:00Z", None),
        ("2024-04-31T00:00:00Z", None),
        ("2024-13-01T00:00:00Z", None),
        ("2024-00-10T00:00:00Z", None),
        ("2024-01-00T00:00:00Z", None),
        ("2024-01-01T24:00:00Z", None),
        ("2024-01-01T00:60:00Z", None),
        ("2016-12-31T23:59:60Z", None),
        ("1900-01-01T00:00:00Z", FROM_1900_US),
        ("1899-12-31T23:59:59.999999Z", None),
        ("2299-12-31T23:59:59.999999Z", LAST_OF_2299_US),
        ("2300-01-01T00:00:00Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
        *(
            (text, None)
            for text in (
                *(
                    "",
                    "1790446153",
                    "2026-09-26",
                    "2026-09-26T18:09:13",
                    "2026-09-26T18:09:13.Z",
                    "2026-09-26T18:09:13z",
                ),
                *("2026-09-26t18:09:13Z", "2026-09-26 18:09:13Z", "2026-09-26T18:09:13+00:00", "2026-09-26T18:09Z"),
                *("2026-9-26T18:09:13Z", "+2026-09-26T18:09:13Z", "20260926T180913Z", "2026-09-26T18:09:13,5Z"),
                *(
                    " 2026-09-26T18:09:13Z",
                    "2026-09-26T18:09:13Z\n",
                    "2026-09-26T18:09:13ZZ",
                    "\u0662026-09-26T18:09:13Z",
                ),
            )
        ),
    ],
)
def test_rfc3339_is_exact_in_microseconds_or_null(sent: str, time_us: int | None) -> None:
    assert from_rfc3339(pl.Series([sent])).to_list() == [time_us]


@pytest.mark.parametrize(
    ("sent", "time_us"),
    [
        ("1618678142.557535", 1_618_678_142_557_535),
        ("1618678142", 1_618_678_142_000_000),
        ("1618678142.5", 1_618_678_142_500_000),
        ("1618678142.557535000", 1_618_678_142_557_535),
        ("1762799296.1973462", None),
        ("0", 0),
        ("00000000000.000001", 1),
        ("10413791999.999999", LAST_OF_2299_US),
        ("10413792000", None),
        ("99999999999", None),
        ("000000000001", None),  # twelve digits before the point
        *(
            (text, None)
            for text in ("", "-1", "+1", "1.", ".5", "1e9", "1,5", " 1", "1\n", "1618678142.557535Z", "\u0661")
        ),
    ],
)
def test_seconds_are_exact_in_microseconds_or_null(sent: str, time_us: int | None) -> None:
    assert from_seconds(pl.Series([sent])).to_list() == [time_us]


def test_times_of_a_column_stay_in_their_rows() -> None:
    texts = pl.Series(["1970-01-01T00:00:01Z", "no time", "1970-01-01T00:00:02.5Z"])
    assert from_rfc3339(texts).to_list() == [1_000_000, None, 2_500_000]
