"""What whoever watches is told: a bar on a terminal, a line now and then in a log."""

import io
from contextlib import suppress

from rich.console import Console

from harness.progress import Shown


def log(line_every_s: float) -> tuple[io.StringIO, Shown]:
    written = io.StringIO()
    return written, Shown(Console(file=written, force_terminal=False, width=80), line_every_s)


def test_a_log_is_told_share_words_and_what_is_left() -> None:
    written, shown = log(line_every_s=0.0)
    with shown:
        shown.stage("replaying")
        shown.advance("250 frames, 300 trades", 0.25)
    line, end = written.getvalue().splitlines()
    assert "replaying ... 25%, 250 frames, 300 trades, about 0 s left" in line
    assert end.endswith("replaying")


def test_a_log_is_not_filled() -> None:
    written, shown = log(line_every_s=3600.0)
    with shown:
        shown.stage("replaying")
        for number in range(10_000):
            shown.advance(f"{number} frames", number / 10_000)
    assert written.getvalue().count("\n") == 1


def test_a_terminal_shows_a_bar_with_its_percentage() -> None:
    written = io.StringIO()
    with Shown(Console(file=written, force_terminal=True, width=120)) as shown:
        shown.stage("replaying")
        shown.advance("3 frames", 0.42)
        shown._bar.refresh()
    assert "42%" in written.getvalue()
    assert "3 frames" in written.getvalue()


def test_a_stage_that_fails_is_marked() -> None:
    written, shown = log(line_every_s=10.0)
    with suppress(ZeroDivisionError), shown:
        shown.stage("replaying")
        _ = 1 // 0
    assert written.getvalue().rstrip().endswith("replaying failed")
