"""What Locust counted of the readers' questions, and whether they were answered, and in time.

Locust's own statistics are the source: in a distributed test the master is the only one that has all of them. It keeps
response times to two significant digits.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.checks import CheckResult
from harness.series.latency import enough_samples
from load.profile import Profile
from load.rate import SUITE

QUERY: Final = "QUERY"
CONNECT: Final = "connect"
ANSWERED_CHECK: Final = "queries_are_answered"
LAYER: Final = "query"

# What users already query, as it stands in the design, and a chart's worth of candles.
QUESTIONS: Final = {
    "silver count": "SELECT count() FROM k2.silver_trades",
    "recent trades by exchange": "SELECT exchange, count() FROM k2.silver_trades "
    "WHERE timestamp > now() - INTERVAL 5 MINUTE GROUP BY exchange",
    "newest candles": "SELECT exchange, canonical_symbol, window_start, trade_count FROM k2.ohlcv_1m "
    "ORDER BY window_start DESC LIMIT 10",
    "a day of candles": "SELECT * FROM k2.ohlcv_5m_view WHERE canonical_symbol = 'BTC/USDT' "
    "AND window_start > now() - INTERVAL 1 DAY ORDER BY window_start",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: how often it was asked, how often in vain and with which errors, and how many answers took how
    many ms.
    """

    name: str
    requests: int
    failures: int
    errors: Mapping[str, int]
    took_ms: Mapping[float, int]


def write_requests(stats: Any, path: Path) -> None:
    """Write down what a locust.stats.RequestStats has of the questions."""
    errors: dict[str, Counter[str]] = {}
    for each in stats.errors.values():
        if each.method == QUERY:
            errors.setdefault(each.name, Counter())[str(each.error)] += each.occurrences
    content = [
        {
            "name": name,
            "requests": entry.num_requests,
            "failures": entry.num_failures,
            "errors": errors.get(name, {}),
            "took_ms": sorted(entry.response_times.items()),
        }
        for (name, method), entry in sorted(stats.entries.items())
        if method == QUERY
    ]
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def read_requests(path: Path) -> list[Asked]:
    """What `write_requests` wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return [Asked(**{**each, "took_ms": {float(ms): count for ms, count in each["took_ms"]}}) for each in content]


def judge_readers(profile: Profile, asked: Sequence[Asked]) -> tuple[CheckResult, ...]:
    """Whether every question was answered, and within the profile's limit; nothing for a profile without readers."""
    if not profile.readers:
        return ()
    return _answered(asked), _in_time(profile.reader_p99_ms, asked)


def _answered(asked: Sequence[Asked]) -> CheckResult:
    answered = {each.name for each in asked if each.requests > each.failures}
    rows = [
        {"question": each.name, "error": error, "times": f"{times} of {each.requests}"}
        for each in asked
        for error, times in each.errors.items()
    ]
    silent = [{"question": name, "error": "never answered", "times": ""} for name in QUESTIONS if name not in answered]
    failed = sum(each.failures for each in asked) + len(silent)
    return _result(ANSWERED_CHECK, failed, [*silent, *rows], "Every query of every reader was answered.")


def _in_time(limit_ms: float, asked: Sequence[Asked]) -> CheckResult:
    took_ms = Counter[float]()
    for each in asked:
        if each.name in QUESTIONS:
            took_ms.update(each.took_ms)
    n = took_ms.total()
    late = sum(count for ms, count in took_ms.items() if ms > limit_ms)
    # Too few to tell one in a hundred from bad luck: then none may be late.
    allowed = n // 100 if enough_samples(n, 99) else 0
    row = {"late": str(late), "allowed": str(allowed), "n": str(n), "max": f"{max(took_ms, default=0):g} ms"}
    return _result(
        f"query_p99_within_{limit_ms:g}_ms",
        late if late > allowed or not n else 0,
        [row],
        "Readers beside writers are answered in the time that the profile gives them.",
        failed=late > allowed or not n,
    )


def _result(
    name: str, unexpected: int, rows: Sequence[Mapping[str, str]], why: str, *, failed: bool | None = None
) -> CheckResult:
    is_failed = unexpected > 0 if failed is None else failed
    return CheckResult(
        suite=SUITE,
        name=name,
        layer=LAYER,
        kind="standing",
        severity="critical",
        success=not is_failed,
        unexpected=max(unexpected, 1) if is_failed else 0,
        sample=tuple(rows) if is_failed else (),
        error=None,
        seconds=0.0,
        why=why,
    )
