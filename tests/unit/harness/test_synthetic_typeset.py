from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.synthetic.typeset import Sheet, stacked

BIG = 2**63 - 1


def set_alone(rows: int, write: str, *arguments: object) -> list[str]:
    sheet = Sheet(rows)
    getattr(sheet, write)(*arguments)
    sheet.text("\n")
    return [line.decode() for line in sheet.lines()]


@given(st.lists(st.integers(0, BIG)))
def test_integers_are_written_as_python_writes_them(values: list[int]) -> None:
    assert set_alone(len(values), "integer", np.array(values, np.int64)) == [str(value) for value in values]


@given(st.lists(st.integers(0, 10**6 - 1)))
def test_digits_keep_the_zeros_in_front(values: list[int]) -> None:
    assert set_alone(len(values), "digits", np.array(values, np.int64), 6) == [f"{value:06}" for value in values]


@given(st.lists(st.tuples(st.integers(0, BIG), st.integers(0, 18))))
def test_decimals_have_exactly_as_many_places_as_each_row_asks_for(rows: list[tuple[int, int]]) -> None:
    units, places = np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.int64)
    written = set_alone(len(rows), "decimal", units, places)
    assert written == [f"{Decimal(unit).scaleb(-place):.{place}f}" for unit, place in rows]


@pytest.mark.parametrize(
    ("units", "places", "text"),
    [(8_409_570, 2, "84095.70"), (1, 8, "0.00000001"), (5, 0, "5"), (100, 2, "1.00"), (0, 3, "0.000")],
)
def test_a_decimal_keeps_every_place(units: int, places: int, text: str) -> None:
    assert set_alone(1, "decimal", np.array([units]), places) == [text]


@given(st.lists(st.text('abc{}"', max_size=9), min_size=1, max_size=5), st.data())
def test_each_row_gets_the_text_it_chose(texts: list[str], data: st.DataObject) -> None:
    which = data.draw(st.lists(st.integers(0, len(texts) - 1)))
    assert set_alone(len(which), "choice", stacked(texts), np.array(which, np.int64)) == [texts[n] for n in which]


def test_a_row_without_a_line_feed_goes_on_in_the_next() -> None:
    sheet = Sheet(4)
    sheet.integer(np.array([1, 20, 300, 4]))
    sheet.choice(stacked((",", "\n")), np.array([0, 1, 0, 1]))
    assert sheet.lines() == [b"1,20", b"300,4"]


def test_a_sheet_without_rows_has_no_lines() -> None:
    empty = np.array([], np.int64)
    sheet = Sheet(0)
    sheet.text("{")
    sheet.integer(empty)
    sheet.decimal(empty, 8)
    sheet.digits(empty, 6)
    assert sheet.lines() == []
