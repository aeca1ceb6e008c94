"""Times as exchanges write them, moved as text: whole ms or us, seconds with decimals, RFC 3339 in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_WHOLE: Final = re.compile(r"[0-9]{13}|[0-9]{16}")
_SECONDS: Final = re.compile(r"([0-9]{1,11})(\.[0-9]+)?")
_RFC3339: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?Z")
_DIGITS_OF_MS: Final = 13


def moved(time: str, seconds: int) -> str | None:
    """The time so many seconds later, in the same form. None where it has no form known here, or leaves it."""
    if _WHOLE.fullmatch(time):
        unit = 1_000 if len(time) == _DIGITS_OF_MS else 1_000_000
        return str(max(int(time) + seconds * unit, 0))
    if matched := _SECONDS.fullmatch(time):
        return f"{max(int(matched[1]) + seconds, 0)}{matched[2] or ''}"
    if matched := _RFC3339.fullmatch(time):
        try:
            then = datetime.fromisoformat(matched[1]).replace(tzinfo=UTC) + timedelta(seconds=seconds)
        except (ValueError, OverflowError):
            return None
        return f"{then:%Y-%m-%dT%H:%M:%S}{matched[2] or ''}Z"
    return None
