"""night.json: all that a night found, as data. The page of a night is made from it alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, Final

from harness.nightly import NIGHT
from harness.nightly.night import SHOWN_NIGHTS, Night, is_alarm
from harness.nightly.rules import Rule
from harness.nightly.trend import Compared, History, usual
from harness.results import check_json, write_junit

SCHEMA_VERSION: Final = 1


def write_night(night: Night, command: str, directory: Path) -> None:
    """Write night.json and junit.xml; `command` repeats the night."""
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps(night_json(night, command), indent=1, ensure_ascii=False)
    (directory / NIGHT).write_text(text + "\n", encoding="utf-8")
    write_junit(f"night {night.window.night}", night.checks, directory, is_alarm)


def night_json(night: Night, command: str) -> dict[str, Any]:
    """The content of night.json; within one schema_version fields are only ever added."""
    window = night.window
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": night.verdict,
        "night": window.night.isoformat(),
        "since": window.since.isoformat(),
        "until": window.until.isoformat(),
        "window_s": window.length_s,
        "warehouse": night.warehouse,
        "command": command,
        "started_at": night.started_at.isoformat(timespec="seconds"),
        "seconds": night.seconds,
        "checks": [check_json(check) for check in night.checks],
        "measures": [_measure(each, night.rules) for each in night.compared],
        "trends": [
            _trend(key, values, night.rules[key[0]]) for key, values in night.histories.items() if key[0] in night.rules
        ],
        "nights": [{**each, "night": each["night"].isoformat()} for each in night.verdicts],
        "gaps": [asdict(gap) for gap in night.profile.gaps],
        "gap_markets": night.profile.gap_markets,
        "explained": night.explained.as_json(),
        "letters": [asdict(each) for each in night.profile.letters],
        "letter_reasons": night.profile.reasons,
        "unjudged": [asdict(each) for each in night.unjudged],
        "parts": [asdict(each) for each in night.profile.parts],
        "slices": [asdict(each) for each in night.profile.slices],
    }


def _measure(found: Compared, rules: Mapping[str, Rule]) -> dict[str, Any]:
    return {
        **asdict(found.measure),
        "title": rules[found.measure.metric].title,
        "severity": found.severity,
        "says": found.says,
        "usual": asdict(found.usual) if found.usual else None,
    }


def _trend(key: tuple[str, str], values: History, rule: Rule) -> dict[str, Any]:
    """The last nights of a measure, and what was usual for each of them by the nights before it."""
    nights: Sequence[date] = sorted(values)[-SHOWN_NIGHTS:]
    bands = [usual(values, night, rule) for night in nights]
    return {
        "metric": key[0],
        "subject": key[1],
        "title": rule.title,
        "counts": rule.counts,
        "nights": [night.isoformat() for night in nights],
        "values": [values[night] for night in nights],
        "low": [band.low if band else None for band in bands],
        "high": [band.high if band else None for band in bands],
    }
