"""The report as a reader has it: opened from disk in a real browser, wide and narrow, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.report import write_report
from tests.integration.report.browser import MISSING, Tab
from tests.integration.report.made_run import BAD, BROKEN, GOOD, LOST, WARNING, made_run
from tests.integration.report.probes import CONTRAST, LINES, UNNAMED

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"no {MISSING} here; apt-get install chromium chromium-driver, and selenium by make lock"
)

CHARTS = 10
# As WebDriver names keys.
HOME, ARROW_RIGHT = "\ue011", "\ue014"


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(made_run(tmp_path_factory.mktemp("runs") / "clean", GOOD, WARNING)).page


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(made_run(tmp_path_factory.mktemp("runs") / "faulty", LOST, BAD, BROKEN, WARNING)).page


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 768, 360])
def test_it_opens_from_disk_without_an_error_and_without_a_network(
    tab: Tab, faulty: Path, width: int, dark: bool
) -> None:
    tab.open(faulty, width=width, dark=dark)
    assert tab.trouble == []
    assert tab.fetched == []
    assert tab.evaluate("document.title").startswith("FAIL")


@pytest.mark.parametrize("width", [1280, 360, 320])
def test_nothing_is_wider_than_the_screen(tab: Tab, faulty: Path, width: int) -> None:
    tab.open(faulty, width=width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_stands_out_from_its_background(tab: Tab, faulty: Path, dark: bool) -> None:
    tab.open(faulty, dark=dark)
    tab.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert tab.evaluate(CONTRAST) >= 4.5
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(14, 17, 22)" if dark else "rgb(246, 247, 249)"
    )


def test_every_chart_has_marks_a_title_a_description_and_its_numbers(tab: Tab, clean: Path) -> None:
    tab.open(clean)
    lengths = tab.evaluate(LINES)
    assert len(lengths) == CHARTS
    assert min(lengths) > 100
    assert tab.evaluate("document.querySelectorAll('svg > title').length") == CHARTS
    assert tab.evaluate("[...document.querySelectorAll('svg > desc')].every((d) => d.textContent.length > 20)")
    assert tab.evaluate("[...document.querySelectorAll('.chart tbody')].every((t) => t.rows.length > 1)")


def test_every_picture_control_and_region_has_a_name(tab: Tab, faulty: Path) -> None:
    tab.open(faulty)
    assert tab.evaluate(UNNAMED) == []
    ids = "[...document.querySelectorAll('[id]')].map((e) => e.id)"
    assert tab.evaluate(f"(() => {{ const ids = {ids}; return ids.length - new Set(ids).size; }})()") == 0
    assert tab.evaluate("[...document.querySelectorAll('nav a')].every((a) => document.querySelector(a.hash))")


def test_a_failing_run_shows_its_failing_rows_before_anything_else(tab: Tab, faulty: Path) -> None:
    tab.open(faulty)
    shown = tab.evaluate("document.querySelector('#failing').innerText")
    assert tab.evaluate("document.querySelector('h1').textContent") == (
        "3 of 4 checks fail: 1 trade lost, 0 phantom; 1 warns"
    )
    assert shown.index("silver_trades.no_trade_lost") < shown.index("ohlcv_1m.candles_equal_truth")
    assert "4711" in shown
    assert "84090.6" in shown
    assert "no table k2.ohlcv_5m_view" in shown
    order = "document.querySelector('#failing').compareDocumentPosition(document.querySelector('#checks'))"
    assert tab.evaluate(order) == 4  # what follows


def test_what_stands_in_a_frame_stays_text(tab: Tab, faulty: Path) -> None:
    tab.open(faulty)
    cells = "[...document.querySelectorAll('#failing td')].map((cell) => cell.textContent)"
    assert any("</script><script>alert" in cell for cell in tab.evaluate(cells))
    assert tab.evaluate("document.scripts.length") == CHARTS + 1


def test_the_values_of_a_chart_are_read_with_the_keyboard_and_charts_over_time_go_along(tab: Tab, clean: Path) -> None:
    tab.open(clean)
    legend = "document.querySelector('#{} .legend').innerText"
    before = tab.evaluate(legend.format("lag"))
    tab.evaluate("document.querySelector('#throughput input').focus()")
    tab.press(HOME, ARROW_RIGHT)
    assert "highest" in before
    assert "at 1 s" in tab.evaluate(legend.format("throughput"))
    assert "at 1 s" in tab.evaluate(legend.format("lag"))
    assert "highest" in tab.evaluate(legend.format("latency-curve"))
    spoken = tab.evaluate("document.querySelector('#throughput input').getAttribute('aria-valuetext')")
    assert spoken == "1 s: sent 1,100/s, bronze 1,100/s, silver 1,100/s"
    assert tab.evaluate("getComputedStyle(document.querySelector('#lag .cursor')).visibility") == "visible"


def test_the_pointer_marks_the_place_it_is_at(tab: Tab, clean: Path) -> None:
    tab.open(clean)
    box = tab.evaluate(
        "(() => { const s = document.querySelector('#freshness svg'); s.scrollIntoView({block: 'center'});"
        " const b = s.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; })()"
    )
    left, top, width, height = box
    tab.point(left + width * 512 / 520 - 1, top + height / 2)
    assert "at 60 s" in tab.evaluate("document.querySelector('#freshness .legend').innerText")


def test_a_link_to_a_folded_check_unfolds_it(tab: Tab, clean: Path) -> None:
    tab.open(clean)
    folded = "document.querySelector('#check-silver_trades-trades_are_plausible').open"
    assert tab.evaluate(folded) is False
    tab.evaluate("document.querySelector('a[href=\"#check-silver_trades-trades_are_plausible\"]').click()")
    assert tab.evaluate(f"new Promise((done) => setTimeout(() => done({folded}), 100))") is True


def test_without_scripts_everything_but_the_slider_is_there(tab: Tab, clean: Path) -> None:
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(clean)
        tree = str(tab.call("Accessibility.getFullAXTree"))
        document = tab.call("DOM.getDocument")["root"]["nodeId"]
        html = tab.call("DOM.getOuterHTML", nodeId=document)["outerHTML"]
    finally:
        tab.call("Emulation.setScriptExecutionDisabled", value=False)
    assert "Throughput, trades per second over 1 s" in tree
    assert 'class="no-script"' in html
    assert "'slider'" not in tree
