"""The page of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.report import words
from harness.report.chart import MISSING
from harness.report.curves import charts_of
from harness.report.files import RunFiles
from harness.report.page import Page, drawn, render
from harness.report.sentences import headline, other_channels, rate
from harness.report.views import Table, Tile, gap_tables, gaps_left_out, not_holding, suites, tables_of
from harness.results import Percentiles, Results, fails

_TOO_FEW: Final = "too few"


def run_page(files: RunFiles) -> str:
    """The report of a run as HTML."""
    results = files.results
    charts = {name: drawn(found) for name, found in charts_of(files.series).items()} if files.series else {}
    failing, warning = not_holding(results.checks, fails)
    sections = {
        "failing": failing,
        "warning": warning,
        "rows_say": _rows_say(results),
        "flow": _flow(results),
        "suites": suites(results.checks, fails),
        "checks_say": _checks_say(results),
        "gaps": gap_tables(files.gaps),
        "gaps_say": _gaps_say(results, files.gaps),
        "duplicates": _duplicates(files.series),
        "duplicates_say": _duplicates_say(results),
        "latency": _latency(results.latency_ms),
        "flow_say": _flow_say(files),
        "charts": {"latency": charts.get("latency", []), "flow": charts.get("flow", [])},
        "detection": tables_of(files.detection),
    }
    return render("run.html.j2", _page(files, sections), run=sections)


def _page(files: RunFiles, sections: Mapping[str, Any]) -> Page:
    results, manifest = files.results, files.manifest
    commit = str(manifest.get("commit") or "")
    what = [
        ("run", files.name),
        ("scenario", results.scenario),
        ("stack", results.stack),
        ("seed", str(results.seed)),
        ("started", results.started_at.replace("T", " ").replace("+00:00", " UTC")),
        *([("commit", commit[:12] + commit[40:])] if commit else []),
    ]
    shown = [
        ("verdict", "Verdict", False),
        *([("failing", "What does not hold", True)] if sections["failing"] else []),
        *([("warning", "Warnings", False)] if sections["warning"] else []),
        ("rows", "Rows", False),
        ("checks", "Checks", False),
        ("gaps", "Gaps", False),
        ("duplicates", "Duplicates", False),
        ("latency", "Latency", False),
        ("flow", "Throughput, lag, parts", False),
        *([("detection", "Detection", False)] if sections["detection"] else []),
        ("files", "Repeat, files", False),
    ]
    return Page(
        title=f"{results.verdict.upper()} · {files.name} · K2",
        mood=results.verdict,
        badge=results.verdict.upper(),
        headline=headline(results),
        what=what,
        tiles=_tiles(results, _flag(manifest, "--rate")),
        sections=shown,
        command_says=f"The same frames, faults and order again: the seed is {results.seed}.",
        command=str(manifest.get("command", "")),
        links=tuple(files.links.items()),
        footer="Made by k2-harness report from the files of the run; it needs no network.",
    )


def _tiles(results: Results, asked: str) -> list[Tile]:
    counts, failed = results.counts, len(results.failed)
    tiles = [
        Tile(
            "checks hold", f"{sum(check.success for check in results.checks)} / {len(results.checks)}", fails=failed > 0
        ),
        Tile("trades sent", f"{counts.trades_sent:,}", f"in {counts.frames_sent:,} frames"),
        Tile("in silver", _rows(counts.silver_trades)),
    ]
    if counts.lost is not None:
        tiles.append(Tile("lost", f"{counts.lost:,}", fails=counts.lost > 0))
    if counts.phantom is not None:
        tiles.append(Tile("phantom", f"{counts.phantom:,}", fails=counts.phantom > 0))
    if silver := results.latency_ms.get("silver"):
        quoted = silver.p99 if silver.p99 is not None else silver.max
        name = "p99" if silver.p99 is not None else "max"
        if quoted is not None:
            tiles.append(Tile(f"to silver, {name}", words.milliseconds(quoted), f"n = {silver.n:,}"))
    if results.achieved_rate is not None:
        tiles.append(Tile("rate", words.per_second(results.achieved_rate), _asked(results, asked)))
    tiles.append(Tile("took", words.seconds(results.seconds)))
    return tiles


def _flag(manifest: Mapping[str, Any], name: str) -> str:
    flags = manifest.get("flags") or []
    return str(flags[flags.index(name) + 1]) if name in flags[:-1] else ""


def _asked(results: Results, asked: str) -> str:
    if results.target_rate is not None:
        return f"of {results.target_rate:,.0f}/s wanted"
    return "as fast as it goes" if asked == "max" else f"at {asked} of the recorded speed" if asked else ""


def _flow(results: Results) -> list[Tile]:
    counts = results.counts
    return [
        Tile("frames sent", f"{counts.frames_sent:,}", role="sent"),
        Tile("trades in them", f"{counts.trades_sent:,}", role="sent"),
        Tile("bronze rows", _rows(counts.bronze_rows), role="bronze"),
        Tile("silver trades", _rows(counts.silver_trades), role="silver"),
        Tile("dead letters", _rows(counts.dead_letters), role="text"),
    ]


def _rows(count: int | None) -> str:
    return MISSING if count is None else f"{count:,}"


def _rows_say(results: Results) -> str:
    again = results.counts.duplicates_sent
    came = f"{words.many(again, 'trade')} came again, and stand in silver once" if again else "no trade came twice"
    others = other_channels(results)
    said = f"A frame ends as bronze rows or as a dead letter, a bronze trade in silver or as a dead letter; {came}."
    return f"{said} {others}." if others else said


def _checks_say(results: Results) -> str:
    exact = sum(check.kind == "exact" for check in results.checks)
    standing = len(results.checks) - exact
    return (
        f"{words.many(exact, 'exact check')} against what was sent, {words.many(standing, 'standing check')} that "
        f"{'needs' if standing == 1 else 'need'} no truth; open a suite to see each."
    )


def _gaps_say(results: Results, gaps: Any) -> str:
    found = results.counts.gaps_found
    if found is None:
        return "Gaps were not looked for in this run."
    says = f"{words.many(found, 'trade id')} missing" if found else "No trade id that was due is missing"
    return f"{says} between two that came.{gaps_left_out(gaps)}"


def _duplicates_say(results: Results) -> str:
    counts = results.counts
    again = "an unknown number of rows" if counts.redelivered is None else words.many(counts.redelivered, "row")
    return (
        f"{words.many(counts.duplicates_sent, 'trade')} sent again with an identity that had come before; "
        f"{again} delivered again with an offset that bronze already had."
    )


def _duplicates(series: Mapping[str, Any] | None) -> Table | None:
    resent: Sequence[Sequence[Any]] = (series or {}).get("resent", [])
    if not resent:
        return None
    rows = [
        [exchange, symbol, faults or "in the recording itself", f"{trades:,}"]
        for exchange, symbol, faults, trades in resent
    ]
    return Table("Trades sent again", ["exchange", "symbol", "made by", "trades"], rows, frozenset({3}))


def _latency(latency_ms: Mapping[str, Percentiles]) -> Table:
    header = ["to", "n", "p50", "p99", "p99.9", "max"]
    rows = [
        [name, f"{found.n:,}", *(_ms(value) for value in (found.p50, found.p99, found.p999)), _ms(found.max, MISSING)]
        for name, found in latency_ms.items()
    ]
    return Table("Latency", header, rows, frozenset(range(1, 6)))


def _flow_say(files: RunFiles) -> str:
    sent = rate(files.results)
    return f"{sent[:1].upper()}{sent[1:]}. {_curves_say(files)}" if sent else _curves_say(files)


def _curves_say(files: RunFiles) -> str:
    if files.series is None:
        return "This run left no series.json, so there are no curves."
    missed = files.series["sampled"]["missed"]
    if not missed:
        return "Move over a chart, or along the slider below it, to read its values; charts over time move together."
    why = files.series["sampled"]["missed_because"]
    return f"{words.many(missed, 'look')} at lag and parts failed, the first because: {why}"


def _ms(value: float | None, missing: str = _TOO_FEW) -> str:
    return missing if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
