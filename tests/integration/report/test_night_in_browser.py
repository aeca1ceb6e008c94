"""The page of a night as a reader has it, a clean one and a bad one: opened from disk in a real browser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.report.browser import MISSING, Tab
from tests.integration.report.made_night import made_night
from tests.integration.report.made_run import BROKEN, GOOD, LOST, WARNING
from tests.integration.report.probes import CONTRAST, LINES, UNNAMED

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"no {MISSING} here; apt-get install chromium chromium-driver, and selenium by make lock"
)
NOTE = replace(WARNING, name="trades_come_once", severity="info", sample=({"symbol": "NOTED"},))
# Throughput, lag and slowest trade over the night, and five measures of two exchanges over thirty nights.
CHARTS = 3 + 5 * 2


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_night(tmp_path_factory.mktemp("clean"), [GOOD, NOTE])


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    broken = replace(BROKEN, severity="warning")
    return made_night(tmp_path_factory.mktemp("bad"), [LOST, broken, WARNING, NOTE], bad=True)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", ["clean", "bad"])
def test_it_opens_without_an_error_or_a_network_and_fits_the_screen(
    tab: Tab, request: pytest.FixtureRequest, name: str, width: int, dark: bool
) -> None:
    tab.open(request.getfixturevalue(name), width=width, dark=dark)
    assert tab.trouble == []
    assert tab.fetched == []
    assert tab.evaluate("document.title").startswith("PASS" if name == "clean" else "FAIL")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert tab.evaluate(CONTRAST) >= 4.5


@pytest.mark.parametrize("name", ["clean", "bad"])
def test_every_chart_has_marks_and_everything_has_a_name(tab: Tab, request: pytest.FixtureRequest, name: str) -> None:
    tab.open(request.getfixturevalue(name))
    lengths = tab.evaluate(LINES)
    assert len(lengths) == CHARTS
    assert min(lengths) > 100
    assert tab.evaluate(UNNAMED) == []
    assert tab.evaluate("[...document.querySelectorAll('nav a')].every((a) => document.querySelector(a.hash))")


def test_a_clean_night_says_so_and_how_long_ago_the_last_trade_came(tab: Tab, clean: Path) -> None:
    tab.open(clean)
    assert tab.evaluate("document.querySelector('h1').textContent") == (
        "No check fails, no warning: 1,800,000 trades in 24 hours; last trade 2 s ago (binance), 2 s ago (kraken)"
    )
    assert tab.evaluate("document.querySelector('.verdict').className") == "card verdict pass"
    assert tab.evaluate("document.querySelector('.failing.note summary').innerText").startswith("for information: ")
    assert "a candle keeps its last state only" in tab.evaluate("document.querySelector('#checks').textContent")
    assert "ohlcv_1s" in tab.evaluate("document.querySelector('#parts').textContent")


def test_a_bad_night_shows_what_is_wrong_first_and_what_it_does_not_show(tab: Tab, bad: Path) -> None:
    tab.open(bad)
    failing = tab.evaluate("document.querySelector('#failing').textContent")
    assert "4711" in failing
    assert "no table k2.ohlcv_5m_view" in failing, "a check that could not run fails, though it would only warn"
    assert "15 min, and more than 5 min is too much on any night" in failing
    assert "last trade 15 min ago (binance)" in tab.evaluate("document.querySelector('h1').textContent")
    gaps = tab.evaluate("document.querySelector('#gaps').textContent")
    assert "connection_loss" in gaps
    assert "The first 200 gaps are listed; there are 50 more." in gaps
    assert "There was too much to read it all of: missing ids." in gaps
    assert "The 50 largest of 75 markets with missing ids are shown." in gaps
    order = "document.querySelector('#failing').compareDocumentPosition(document.querySelector('#trend'))"
    assert tab.evaluate(order) == 4  # what follows
