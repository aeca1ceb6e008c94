"""Reads the files of a run, or of a night, that a report is made from. A report needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from harness.checks import CheckResult
from harness.results import SCHEMA_VERSION, Counts, Percentiles, Results

REPORT: Final = "report.html"
SUMMARY: Final = "summary.md"
DATA_DOCS: Final = "data_docs/index.html"
# Of these a page shows a link where they are there, with what they are.
LINKED: Final = {
    DATA_DOCS: "Great Expectations' Data Docs: every check with its parameters",
    "results.json": "all of this as data, with up to twenty rows of each failing check",
    "junit.xml": "the checks as JUnit, for CI",
    "ledger.parquet": "every frame sent: when, where it landed, what was done to it",
    "series.json": "the curves as data, with latency as HdrHistogram",
    "detection.json": "which fault was found by which check",
    "manifest.json": "what it takes to repeat the run",
    SUMMARY: "this report as Markdown, for a pull request",
}


class ReportError(Exception):
    """A directory that no report can be made from; the message says what is missing and what would do."""


@dataclass(frozen=True, slots=True)
class RunFiles:
    """What a run's directory holds. series, gaps and detection are None where the run did not write them.

    links: the files that are there, with what they are.
    """

    name: str
    results: Results
    manifest: Mapping[str, Any]
    series: Mapping[str, Any] | None
    gaps: Any
    detection: Any
    links: Mapping[str, str]


def read_run(directory: Path) -> RunFiles:
    """Read a run's directory. Raises ReportError when it is none, or of another version."""
    if not (directory / "results.json").is_file():
        raise ReportError(
            f"{directory} holds no results.json, so it is no finished run; give one that k2-harness verify wrote"
        )
    content = read_json(directory / "results.json")
    version = content.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ReportError(
            f"{directory}: results.json has schema_version {version!r}, and this program reads {SCHEMA_VERSION}; "
            "make the report with the version that made the run"
        )
    try:
        results = results_of(content)
    except (KeyError, TypeError, AttributeError) as error:
        raise ReportError(f"{directory}: results.json is not as a run writes it ({error!r})") from error
    return RunFiles(
        name=directory.resolve().name,
        results=results,
        manifest=_read_if_there(directory / "manifest.json") or {},
        series=_read_if_there(directory / "series.json"),
        gaps=content.get("gaps"),
        detection=_read_if_there(directory / "detection.json"),
        links={name: what for name, what in LINKED.items() if (directory / name).is_file() or name == SUMMARY},
    )


def results_of(content: Mapping[str, Any]) -> Results:
    """Results from the content of results.json."""
    return Results(
        scenario=content["scenario"],
        seed=content["seed"],
        stack=content["stack"],
        started_at=content["started_at"],
        seconds=content["seconds"],
        counts=Counts(**_known(Counts, content["counts"])),
        target_rate=content["rate"]["target"],
        achieved_rate=content["rate"]["achieved"],
        latency_ms={name: Percentiles(**_known(Percentiles, each)) for name, each in content["latency_ms"].items()},
        checks=tuple(check_of(each) for each in content["checks"]),
        channels=tuple(content.get("channels", ())),
        late_p99_ms=content["rate"].get("late_p99_ms"),
        late_max_ms=content["rate"].get("late_max_ms"),
        interrupted=content.get("interrupted", False),
        lag_messages=content.get("lag_messages", 0),
    )


def check_of(content: Mapping[str, Any]) -> CheckResult:
    """A check from results.json."""
    known = _known(CheckResult, content)
    return CheckResult(**{**known, "sample": tuple(known["sample"])})


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises ReportError when the file is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ReportError(f"{path}: not JSON: {error}; was the run cut off while it wrote?") from error
    if not isinstance(content, dict):
        raise ReportError(f"{path} holds {type(content).__name__}, where an object belongs")
    return content


def _read_if_there(path: Path) -> dict[str, Any] | None:
    return read_json(path) if path.is_file() else None


def _known(kind: type, content: Mapping[str, Any]) -> dict[str, Any]:
    # Fields may be added within one schema_version, and then an older program leaves them out.
    return {field.name: content[field.name] for field in fields(kind) if field.name in content}
