"""Structured logs: one JSON object a line on stderr.

{"at":"2026-11-23T18:00:00.123456Z","level":"info","logger":"k2.feed","event":"subscribed","symbols":2}
"""

from __future__ import annotations

import json
import logging
import math
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

LEVELS: Final = ("debug", "info", "warning", "error")
_FIELDS: Final = "k2_fields"


class EventLog:
    """A logger whose messages are an event and its fields."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logging.getLogger(name)
        self._clock = clock
        self._said: dict[str, tuple[float, int]] = {}  # event to when it was logged, and how often not since

    def debug(self, event: str, **fields: object) -> None:
        self._logger.debug("%s", event, extra={_FIELDS: fields})

    def info(self, event: str, **fields: object) -> None:
        self._logger.info("%s", event, extra={_FIELDS: fields})

    def warning(self, event: str, **fields: object) -> None:
        self._logger.warning("%s", event, extra={_FIELDS: fields})

    def warning_once_a_second(self, event: str, **fields: object) -> bool:
        """For what may happen at every frame; `not_logged` says how often it was left out. True if it was logged."""
        now_s = self._clock()
        said_s, left_out = self._said.get(event, (-math.inf, 0))
        if now_s - said_s < 1:
            self._said[event] = said_s, left_out + 1
            return False
        self._said[event] = now_s, 0
        self.warning(event, **fields, **({"not_logged": left_out} if left_out else {}))
        return True

    def error(self, event: str, **fields: object) -> None:
        self._logger.error("%s", event, extra={_FIELDS: fields})


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_to_stderr(level: str) -> None:
    """Send every logger's lines to stderr. What libraries say below a warning is left out."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("k2").setLevel(level.upper())
