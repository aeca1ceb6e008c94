"""How numbers are written, for a reader: in full, or as short as an axis wants it."""

from __future__ import annotations

from harness.report.chart import Number


def count(value: Number) -> str:
    """12345 -> 12,345."""
    return f"{value:,.0f}"


def short_count(value: Number) -> str:
    """12500 -> 12.5k; what does not reach ten thousand stays whole."""
    for size, letter in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if abs(value) >= size and (size > 1_000 or abs(value) >= 10_000):
            return f"{value / size:.3g}{letter}"
    return f"{value:,.0f}" if value == round(value) else f"{value:.2g}"


def per_second(value: Number) -> str:
    """1234.5 -> 1,234/s."""
    return f"{value:,.0f}/s" if value >= 10 or value == round(value) else f"{value:.1f}/s"


def milliseconds(value: Number) -> str:
    """In ms, or in s where that is shorter: 12.3 ms, 1,234 ms, 12.3 s."""
    if abs(value) >= 10_000:
        return f"{value / 1000:,.1f} s"
    return f"{value:,.0f} ms" if abs(value) >= 100 or value == round(value) else f"{value:.3g} ms"


def short_milliseconds(value: Number) -> str:
    """500 ms, 2 s, 2 min."""
    if abs(value) >= 120_000:
        return f"{value / 60_000:.3g} min"
    return f"{value / 1000:.3g} s" if abs(value) >= 1000 else f"{value:.3g} ms"


def ago(ms: Number) -> str:
    """How long since: 2 s ago, 12 min ago, 30 h ago; never longer than it is."""
    for size, unit in ((7_200_000, "h"), (120_000, "min")):
        if ms >= size:
            return f"{ms // (size // 2):,.0f} {unit} ago"
    return f"{ms // 1000:.0f} s ago"


def seconds(value: Number) -> str:
    """A time since the start: 0.25 s, 12 s, 3:20 min."""
    if value >= 120:
        whole = round(value)
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{value:.3g} s" if value < 100 else f"{value:.0f} s"


def percent(value: Number) -> str:
    """99.9 -> 99.9 %; no digit is rounded to 100."""
    return f"{value:.6g} %"


def many(number: int, noun: str) -> str:
    """1 trade, 2,000 trades."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shortened(text: str, most: int) -> str:
    """A text cut to so many characters, with a mark that says so."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
