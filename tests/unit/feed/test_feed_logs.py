"""Logs are one JSON object a line."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from k2pipeline.feed.logs import EventLog, JsonLines


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.read: list[dict[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        assert "\n" not in text
        self.read.append(json.loads(text))


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, logger = Lines(), logging.getLogger("k2.test")
    logger.addHandler(handler)
    logger.setLevel("INFO")
    yield handler
    logger.removeHandler(handler)


def test_an_event_and_its_fields_are_one_line(lines: Lines) -> None:
    EventLog("k2.test").info("subscribed", symbols=2, words='with\n"quotes"', path=pytest)
    EventLog("k2.test").debug("below the level")
    (line,) = lines.read
    at = str(line.pop("at"))
    assert at.endswith("Z")
    assert line == {
        "level": "info",
        "logger": "k2.test",
        "event": "subscribed",
        "symbols": 2,
        "words": 'with\n"quotes"',
        "path": str(pytest),
    }


def test_what_may_happen_at_every_frame_is_logged_once_a_second_and_counted(lines: Lines) -> None:
    now = [100.0]
    log = EventLog("k2.test", lambda: now[0])
    for moment in (100, 100.1, 100.9, 101, 101.5):
        now[0] = moment
        log.warning_once_a_second("gap", moment=moment)
        log.warning_once_a_second("other")
    gaps = [(line["moment"], line.get("not_logged")) for line in lines.read if line["event"] == "gap"]
    assert gaps == [(100, None), (101, 2)]
    assert len(lines.read) == 4


def test_an_exception_of_a_library_is_in_the_line(lines: Lines) -> None:
    try:
        {}["broken"]
    except KeyError:
        logging.getLogger("k2.test").exception("failed %s", "here")
    assert lines.read[0]["event"] == "failed here"
    assert "KeyError: 'broken'" in str(lines.read[0]["exception"])
