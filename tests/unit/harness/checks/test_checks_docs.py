"""Data Docs without a network: what is loaded from elsewhere goes, and the index is whole without scripts."""

import re
from pathlib import Path

from harness.checks.docs import make_self_contained
from harness.checks.result import CheckResult

PAGE = """<html><head>
<link rel="stylesheet" href="https://example.org/a.css">
<link rel="shortcut icon" href="static/favicon.ico"/>
<style>.logo { background: url('https://example.org/logo.png') 0 0 no-repeat; color: red; }</style>
<script src="https://example.org/a.js"></script>
<script>
  $('#x').table();
</script></head><body>
<img class="x" src="https://example.org/logo.png?d=1"/>
<i class="fas fa-times text-danger"></i>
<button class="btn" onclick="clear()">Clear</button>
<p>2,500.5 is not 2,500.6</p>
<footer><a href="https://example.org/newsletter">Subscribe</a></footer>
</body></html>"""


def result(suite: str, *, success: bool) -> CheckResult:
    return CheckResult(suite, "name", "gold", "exact", "critical", success, 0, (), None, 0.1, "Because.")


def test_pages_keep_their_words_and_lose_what_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    page = tmp_path / "validations" / "ohlcv_1m" / "checks" / "1.html"
    page.parent.mkdir(parents=True)
    page.write_text(PAGE)
    make_self_contained(tmp_path, [result("ohlcv_1m", success=True)])
    text = page.read_text()
    assert "https:" not in text
    assert not re.search("<script|<button|<i ", text)
    assert "2,500.5 is not 2,500.6" in text
    assert "favicon" not in text
    assert "color: red" in text


def test_index_names_every_suite_with_its_verdict_and_page(tmp_path: Path) -> None:
    page = tmp_path / "validations" / "ohlcv_1m" / "checks" / "1.html"
    page.parent.mkdir(parents=True)
    page.write_text(PAGE)
    results = [result("ohlcv_1m", success=False), result("ohlcv_1m", success=True), result("<b>", success=True)]
    make_self_contained(tmp_path, results)
    index = (tmp_path / "index.html").read_text()
    assert '<a href="validations/ohlcv_1m/checks/1.html">ohlcv_1m</a></td><td>2</td><td class="fails">1 fail' in index
    assert '&lt;b&gt;</td><td>1</td><td class="holds">all hold' in index
