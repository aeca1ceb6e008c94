"""Makes Great Expectations' Data Docs open from disk, without a network.

Its pages load styles, scripts and pictures from seven hosts, and its index is empty until they have run. So what
is loaded from elsewhere goes, a style sheet in the page takes its place, and the index is written anew.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Final

from harness.checks.result import CheckResult

_ELSEWHERE: Final = re.compile(
    r"<script\b.*?</script>"
    r"|<link\b[^>]*>"
    r"|<img\b[^>]*\bsrc=[\"']https?:[^>]*>"
    r"|<footer\b.*?</footer>"
    r"|<(?:i|button)\b[^>]*\b(?:fa-|onclick)[^>]*>.*?</(?:i|button)>"
    r"|background: url\('https?:[^;]*;",
    re.DOTALL,
)
# A link to a folded part names it, so the part unfolds as the target of the link.
_STYLE: Final = """<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1200px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; }
td, th { border: 1px solid #bbb; padding: .3em .6em; text-align: left; vertical-align: top; }
code { white-space: pre-wrap; overflow-wrap: anywhere; }
.text-danger, .fails { color: #b00020; }
.text-success, .holds { color: #1b7f3b; }
.collapse { display: none; }
.collapse:target { display: block; }
.cooltip .top { display: none; }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #ddd; } a { color: #8ab4f8; } }
</style>"""


def make_self_contained(folder: Path, results: Sequence[CheckResult]) -> None:
    """Rewrite every page in a folder of Data Docs and its index, and drop 4 MB of pictures that no page shows."""
    shutil.rmtree(folder / "static", ignore_errors=True)
    for page in folder.rglob("*.html"):
        text = _ELSEWHERE.sub("", page.read_text(encoding="utf-8"))
        page.write_text(text.replace("</head>", f"{_STYLE}</head>"), encoding="utf-8")
    (folder / "index.html").write_text(_index(folder, results), encoding="utf-8")


def _index(folder: Path, results: Sequence[CheckResult]) -> str:
    pages = {page.relative_to(folder).parts[1]: page for page in folder.glob("validations/**/*.html")}
    rows = []
    for suite, members in groupby(results, key=lambda result: result.suite):
        found = list(members)
        fails = sum(not result.success for result in found)
        name = escape(suite)
        link = f'<a href="{pages[suite].relative_to(folder).as_posix()}">{name}</a>' if suite in pages else name
        verdict = f'<td class="fails">{fails} fail</td>' if fails else '<td class="holds">all hold</td>'
        rows.append(f"<tr><td>{link}</td><td>{len(found)}</td>{verdict}</tr>")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Checks</title>{_STYLE}</head><body>'
        f"<h1>Checks</h1><table><tr><th>suite</th><th>checks</th><th></th></tr>{''.join(rows)}</table></body></html>\n"
    )
