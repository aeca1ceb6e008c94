"""Durations as people type them: 500ms, 90s, 10m, 1h, 1h30m."""

import re

_UNIT_NS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
_PART = re.compile(r"([0-9]+)(ms|s|m|h|d)")


def parse_duration(text: str) -> int:
    """Give the duration in nanoseconds.

    Raises ValueError when the text is not made of whole numbers with a unit each, or adds up to nothing.
    """
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(
            f"duration {text!r} is not a whole number with a unit (ms, s, m, h or d); write 90s, 10m or 1h30m"
        )
    total_ns = sum(int(number) * _UNIT_NS[unit] for number, unit in parts)
    if total_ns == 0:
        raise ValueError(f"duration {text!r} is zero, so nothing would be generated; write at least 1ms")
    return total_ns
