"""How numbers are written, and text that cannot break out of Markdown."""

import pytest

from harness.report import words
from harness.report.chart import thinned
from harness.report.markdown import bounded, cell, escaped, table


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (9_999, "9,999"), (12_500, "12.5k"), (1_000_000, "1M"), (2.5e9, "2.5G"), (0.25, "0.25")],
)
def test_a_count_is_short_on_an_axis(value: float, text: str) -> None:
    assert words.short_count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 ms"), (0.5, "0.5 ms"), (12.34, "12.3 ms"), (1_234, "1,234 ms"), (12_340, "12.3 s")],
)
def test_a_latency_has_its_unit(value: float, text: str) -> None:
    assert words.milliseconds(value) == text


@pytest.mark.parametrize(("value", "text"), [(0, "0 s"), (0.25, "0.25 s"), (59, "59 s"), (200, "3:20 min")])
def test_a_time_since_the_start_is_in_seconds_or_minutes(value: float, text: str) -> None:
    assert words.seconds(value) == text


def test_no_percentile_is_rounded_to_a_hundred() -> None:
    assert words.percent(99.999) == "99.999 %"


@pytest.mark.parametrize(("length", "most", "places"), [(3, 5, [0, 1, 2]), (9, 3, [0, 4, 8]), (100, 2, [0, 99])])
def test_rows_are_left_out_evenly_and_never_the_last(length: int, most: int, places: list[int]) -> None:
    assert thinned(length, most) == places


@pytest.mark.parametrize(
    "text", ["a | b", "`code`", "[link](http://x)", "<img src=x>", "**bold**", "line\nbreak", "# head", "~gone~"]
)
def test_text_of_a_frame_is_no_markup(text: str) -> None:
    made = escaped(text)
    assert "\n" not in made
    for char in "|`[]<>*#~":
        assert made.count(char) == made.count(f"\\{char}")


def test_text_of_a_frame_mentions_nobody() -> None:
    assert "@everyone" not in escaped("hello @everyone")


def test_a_table_has_as_many_cells_in_every_row() -> None:
    lines = table(["a", "b"], [[cell("1 | 2"), cell("3")]], numeric=(1,)).splitlines()
    assert lines == ["| a | b |", "| --- | --: |", "| 1 \\| 2 | 3 |"]


def test_what_does_not_fit_is_cut_between_paragraphs_and_that_is_said() -> None:
    parts = [f"paragraph {number} " + "é" * 500 for number in range(100)]
    text = bounded(parts, 10_000)
    assert len(text.encode()) <= 10_000
    assert text.endswith("_Cut here: the rest is in report.html._\n")
    assert parts[0] in text
    assert bounded(parts[:2], 10_000) == "\n\n".join(parts[:2]) + "\n"
