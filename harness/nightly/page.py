"""The page and the Markdown summary of a night, from its night.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from harness.nightly import NIGHT
from harness.nightly.curves import slice_charts
from harness.nightly.files import SCHEMA_VERSION
from harness.nightly.night import is_alarm, is_warning
from harness.report import Written, words
from harness.report.chart import MISSING, Axis, Band, Chart, Line, Number, Say
from harness.report.files import LINKED, REPORT, SUMMARY, ReportError, check_of, read_json
from harness.report.markdown import bounded, cell, escaped, table
from harness.report.page import Page, drawn, render
from harness.report.run_summary import listed
from harness.report.views import Table, Tile, gap_tables, gaps_left_out, not_holding, suites, tables_of

MOST_CHARTS: Final = 16
_ALWAYS_SHOWN: Final = ("behind_us", "trades", "latency_p99_us", "missing_ids", "failed_checks")
_LINKED: Final = {NIGHT: "all of this as data", **LINKED}
_NIGHT_TICKS: Final = 5


def write_night_report(directory: Path) -> Written:
    """Write report.html and summary.md beside a night.json. Raises ReportError when that is of another version."""
    content = read_json(directory / NIGHT)
    if content.get("schema_version") != SCHEMA_VERSION:
        raise ReportError(
            f"{directory}: {NIGHT} has schema_version {content.get('schema_version')!r}, and this program reads "
            f"{SCHEMA_VERSION}; make the report with the version that checked the night"
        )
    links = {name: what for name, what in _LINKED.items() if (directory / name).is_file() or name == SUMMARY}
    written = Written(directory / REPORT, directory / SUMMARY)
    written.page.write_text(night_page(content, links), encoding="utf-8")
    written.summary.write_text(night_summary(content), encoding="utf-8")
    return written


def night_page(content: Mapping[str, Any], links: Mapping[str, str]) -> str:
    """The report of a night as HTML."""
    checks = [check_of(each) for each in content["checks"]]
    explained = content.get("explained", {})
    gaps = [
        *gap_tables(explained),
        *tables_of(content["gaps"], "Missing trade ids, by market"),
    ]
    letters = tables_of(content["letters"], "Dead letters, by reason")
    failing, warning = not_holding(checks, is_alarm)
    night = {
        "failing": failing,
        "warning": warning,
        "charts": drawn(_charts(content["trends"], content["measures"])),
        "measures": _measures(content["measures"]),
        "suites": suites(checks, is_alarm),
        "gaps": [*gaps, *letters],
        "gaps_say": _gaps_say(content, is_empty=not gaps and not letters),
        "flow": drawn(slice_charts(content.get("slices", []), content["window_s"])),
        "parts": tables_of(content.get("parts", []), "Active parts, by table"),
        "unjudged": tables_of(content.get("unjudged", []), "Latency objectives that were not judged"),
        "nights": _nights(content["nights"]),
    }
    return render("night.html.j2", _page(content, links, night), night=night)


def night_summary(content: Mapping[str, Any]) -> str:
    """The report of a night as Markdown."""
    checks = [check_of(each) for each in content["checks"]]
    mark = "✅" if content["verdict"] == "pass" else "❌"
    rows = [
        [cell(each["title"]), cell(each["subject"]), _value(each, each["value"]), cell(each["says"], 120)]
        for each in content["measures"]
    ]
    return bounded(
        [
            f"## {mark} K2 night of {content['night']}: {escaped(headline(content))}",
            *listed(*not_holding(checks, is_alarm)),
            table(["measure", "of", "tonight", ""], rows, numeric=(2,)),
            f"Repeat it:\n\n```sh\n{content['command'].replace('```', '')}\n```",
        ]
    )


def headline(content: Mapping[str, Any]) -> str:
    """The verdict in a sentence, and how long ago the last trade came."""
    checks = [check_of(each) for each in content["checks"]]
    failed = sum(map(is_alarm, checks))
    warned = sum(map(is_warning, checks))
    trades = sum(each["value"] for each in content["measures"] if each["metric"] == "trades")
    warns = f"{words.many(warned, 'warning')}" if warned else "no warning"
    last = _last_trades(content)
    if failed:
        return f"{failed} of {words.many(len(checks), 'check')} {'fails' if failed == 1 else 'fail'}, {warns}{last}"
    return f"No check fails, {warns}: {trades:,} trades in {_hours(content)}{last}"


def findings(content: Mapping[str, Any]) -> list[str]:
    """What does not hold, a sentence each, failures first; a warning, or a note, says that it is one."""
    failing, warning = not_holding([check_of(each) for each in content["checks"]], is_alarm)
    return [
        f"{'for information: ' if each.is_note else 'warning: ' if each.is_warning else ''}"
        f"{each.name}: {each.count}. {each.error or each.why}"
        for each in [*failing, *warning]
    ]


def _last_trades(content: Mapping[str, Any]) -> str:
    ages = [
        f"{words.ago(each['value'] / 1000)} ({each['subject']})"
        for each in content["measures"]
        if each["metric"] == "behind_us"
    ]
    return f"; last trade {', '.join(ages)}" if ages else ""


def _gaps_say(content: Mapping[str, Any], *, is_empty: bool) -> str:
    if is_empty:
        return "No trade id is missing, and there are no dead letters."
    says = gaps_left_out(content.get("explained"))
    for shown, all_of_them, what in (
        (len(content["gaps"]), content.get("gap_markets", 0), "markets with missing ids"),
        (len(content["letters"]), content.get("letter_reasons", 0), "reasons of dead letters"),
    ):
        if all_of_them > shown:
            says += f" The {shown:,} largest of {all_of_them:,} {what} are shown."
    return says.strip()


def _page(content: Mapping[str, Any], links: Mapping[str, str], night: Mapping[str, Any]) -> Page:
    warned = any(is_warning(check_of(each)) for each in content["checks"])
    mood = "fail" if content["verdict"] == "fail" else "warn" if warned else "pass"
    shown = [
        ("verdict", "Verdict", False),
        *([("failing", "What does not hold", True)] if night["failing"] else []),
        *([("warning", "Warnings, notes", False)] if night["warning"] else []),
        *([("flow", "Over the night", False)] if night["flow"] else []),
        ("trend", "Past nights", False),
        ("measures", "Measures", False),
        ("gaps", "Gaps, dead letters", False),
        ("checks", "Checks", False),
        *([("parts", "Parts", False)] if night["parts"] else []),
        ("files", "Repeat, files", False),
    ]
    return Page(
        title=f"{content['verdict'].upper()} · night of {content['night']} · K2",
        mood=mood,
        badge=content["verdict"].upper(),
        headline=headline(content),
        what=[
            ("night of", f"{date.fromisoformat(content['night']):%A, %Y-%m-%d}"),
            ("window", f"{_moment(content['since'])} to {_moment(content['until'])} UTC"),
            ("warehouse", content["warehouse"]),
        ],
        tiles=_tiles(content),
        sections=shown,
        command_says="The checks again, up to then; the password comes from K2_CLICKHOUSE_PASSWORD.",
        command=content["command"],
        links=tuple(links.items()),
        footer="Made by k2-harness nightly from night.json; it needs no network.",
    )


def _tiles(content: Mapping[str, Any]) -> list[Tile]:
    checks = content["checks"]
    failed = content["verdict"] == "fail"
    tiles = [Tile("checks hold", f"{sum(each['success'] for each in checks)} / {len(checks)}", fails=failed)]
    for each in content["measures"]:
        if each["metric"] in _ALWAYS_SHOWN and each["subject"] != "all":
            note = f"usual {_value(each, each['usual']['median'])}" if each["usual"] else "nothing to compare with"
            label = f"{each['title'].lower()}, {each['subject']}"
            tiles.append(Tile(label, _value(each, each["value"]), note, fails=each["severity"] is not None))
    return [*tiles, Tile("took", words.seconds(content["seconds"]))]


def _charts(trends: Sequence[Mapping[str, Any]], measures: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """What is odd first, then what is always shown, then the rest as far as there is room."""
    odd = {(each["metric"], each["subject"]): each for each in measures if each["severity"]}
    drawable = [each for each in trends if len(each["nights"]) > 1]

    def rank(trend: Mapping[str, Any]) -> tuple[bool, bool]:
        return (trend["metric"], trend["subject"]) not in odd, trend["metric"] not in _ALWAYS_SHOWN

    said = {(each["metric"], each["subject"]): each["says"] for each in measures}
    chosen = sorted(drawable, key=rank)[:MOST_CHARTS]
    return [
        _chart(each, said.get((each["metric"], each["subject"]), ""), (each["metric"], each["subject"]) in odd)
        for each in chosen
    ]


def _chart(trend: Mapping[str, Any], says: str, is_odd: bool) -> Chart:
    nights = [date.fromisoformat(night) for night in trend["nights"]]
    values: Sequence[int] = trend["values"]
    scale = 1 if trend["counts"] else 1000
    say: Say = words.count if trend["counts"] else words.milliseconds
    tick: Say = words.short_count if trend["counts"] else words.short_milliseconds

    def scaled(given: Sequence[Number | None]) -> list[Number | None]:
        return [None if value is None else value / scale for value in given]

    step = max(1, (len(nights) - 1) // _NIGHT_TICKS)
    x_axis = Axis(
        "night",
        lambda place: f"{nights[round(place)]:%a %Y-%m-%d}",
        lambda place: f"{nights[round(place)]:%-d %b}",
        list(range(len(nights) - 1, -1, -step))[::-1],
    )
    lines = [
        Line("night", "first", scaled(values)),
        Line("tonight", "bad" if is_odd else "first", [*[None] * (len(values) - 1), values[-1] / scale], dotted=True),
    ]
    band = Band("usual", scaled(trend["low"]), scaled(trend["high"]))
    of = "" if trend["subject"] == "all" else f", {trend['subject']}"
    return Chart(
        name=f"trend-{trend['metric']}-{trend['subject']}".replace("_", "-"),
        title=f"{trend['title']}{of}",
        says=f"Tonight {says}." if says else "",
        x=list(range(len(nights))),
        x_axis=x_axis,
        y_axis=Axis(trend["title"].lower(), say, tick, whole=trend["counts"]),
        lines=lines,
        band=band if any(edge is not None for edge in band.high) else None,
        group="nights",
    )


def _measures(measures: Sequence[Mapping[str, Any]]) -> Table:
    rows = []
    for each in measures:
        known = each["usual"]
        usual = _value(each, known["median"]) if known else MISSING
        span = f"{_value(each, known['low'])} to {_value(each, known['high'])}" if known else MISSING
        verdict = {None: "as usual" if known else "not judged"}.get(each["severity"], each["severity"])
        basis = f"{known['nights']} {known['basis']}" if known else "too few nights"
        rows.append([each["title"], each["subject"], _value(each, each["value"]), usual, span, basis, verdict])
    header = ["measure", "of", "tonight", "usual", "still usual", "by", ""]
    return Table("The night in numbers", header, rows, frozenset({2, 3}))


def _nights(nights: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        [
            f"{date.fromisoformat(each['night']):%a %Y-%m-%d}",
            each["verdict"],
            *(f"{each[name]:,}" for name in ("checks", "failed", "warned", "deviations")),
        ]
        for each in reversed(nights)
    ]
    header = ["night", "verdict", "checks", "failed", "warned", "not as usual"]
    return Table("Past nights", header, rows, frozenset(range(2, 6)))


def _value(measure: Mapping[str, Any], value: float) -> str:
    return words.milliseconds(value / 1000) if measure["metric"].endswith("_us") else words.count(value)


def _moment(text: str) -> str:
    return text.replace("T", " ").removesuffix("+00:00")[:16]


def _hours(content: Mapping[str, Any]) -> str:
    hours = content["window_s"] / 3600
    return f"{hours:g} hours" if hours != 1 else "an hour"
