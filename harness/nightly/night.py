"""One night: the standing suites, the night in numbers, what is usual, and the record of all of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from harness.checks import CheckResult, run_checks
from harness.checks.slos import judge, load_slos
from harness.nightly import history
from harness.nightly.profile import ALL, Measure, Profile, latency_row, profile
from harness.nightly.rules import Rule, load_rules
from harness.nightly.trend import Compared, History, compare_all
from harness.nightly.window import NightError, Window
from harness.results import Percentiles
from harness.series.latency import enough_samples, in_ms
from k2pipeline.stack import StackError, WarehouseAddress

TREND: Final = "trend"
_STAGE: Final = "silver"
SHOWN_NIGHTS: Final = 30
Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Night:
    """What a night found. histories: every past night's measures, and this one's; verdicts: the last nights."""

    window: Window
    warehouse: str
    started_at: datetime
    seconds: float
    checks: tuple[CheckResult, ...]
    profile: Profile
    compared: tuple[Compared, ...]
    rules: dict[str, Rule]
    histories: dict[tuple[str, str], History]
    verdicts: list[dict[str, Any]]

    @property
    def verdict(self) -> str:
        """pass or fail; warnings do not fail a night."""
        return "fail" if any(map(is_alarm, self.checks)) else "pass"


def is_alarm(check: CheckResult) -> bool:
    """Whether a check fails its night: nobody knows what was sent, so what came wrong counts like what was bent."""
    return not check.success and check.severity == "critical"


def check_night(
    address: WarehouseAddress,
    window: Window,
    told: Told,
    data_docs: Path | None = None,
    *,
    docs: bool = False,
    keeps_history: bool = True,
) -> Night:
    """Check a warehouse and write into its k2_quality what was found.

    Without history nothing is written and nothing is compared: the user then needs no right but SELECT on k2.
    data_docs: where Great Expectations' Data Docs go, when the night fails or `docs` is given. Raises StackError when
    the warehouse does not answer, NightError when it has no K2 schema or refuses the tables of the history.
    """
    started_at, started = datetime.now(UTC), time.monotonic()
    with _client(address) as client:
        _require_schema(client, address)
        if keeps_history:
            told("the history")
            _make_tables(client)
        checks = run_checks(
            address,
            kinds=("standing",),
            since_ns=window.since_ns,
            data_docs=data_docs,
            docs_wanted=lambda found: docs or any(map(is_alarm, found)),
            progress=told,
        )
        told("the night in numbers")
        numbers = profile(client, window)
        latency = _latency(client, window)
        # A night without a trade is late with none; that it is silent is for the checks of silence to say.
        checks += judge([slo for slo in load_slos() if slo.stage == _STAGE], {_STAGE: latency}) if latency.n else []
        measures = [*numbers.measures, Measure("failed_checks", ALL, sum(map(is_alarm, checks)))]
        rules = load_rules()
        before = history.read_measures(client, window.length_s) if keeps_history else {}
        compared = compare_all(measures, before, window.night, rules)
        checks += deviations(compared)
        return Night(
            window=window,
            warehouse=f"{address.url}/{address.database}",
            started_at=started_at,
            seconds=round(time.monotonic() - started, 3),
            checks=tuple(checks),
            profile=numbers,
            compared=tuple(compared),
            rules=rules,
            histories=_with_tonight(before, measures, window),
            verdicts=_record(client, window, checks, measures, compared) if keeps_history else [],
        )


def deviations(compared: Sequence[Compared]) -> list[CheckResult]:
    """What is not as usual, as checks of a suite `trend`; a measure that could not be compared yet holds."""
    return [_deviation(each) for each in compared]


def _deviation(found: Compared) -> CheckResult:
    measure, known = found.measure, found.usual
    sample: tuple[dict[str, str], ...] = ()
    if found.severity and known:
        sample = (
            {
                "metric": measure.metric,
                "subject": measure.subject,
                "tonight": str(measure.value),
                "usual": f"{known.median:.0f}",
                "from": f"{known.low:.0f}",
                "to": f"{known.high:.0f}",
                "of": f"{known.nights} {known.basis}",
            },
        )
    return CheckResult(
        suite=TREND,
        name=f"{measure.metric}_of_{measure.subject}_as_usual",
        layer="night",
        kind="standing",
        severity=found.severity or "warning",
        success=found.severity is None,
        unexpected=int(found.severity is not None),
        sample=sample,
        error=None,
        seconds=0.0,
        why=found.says,
    )


def _record(
    client: Any,
    window: Window,
    checks: Sequence[CheckResult],
    measures: Sequence[Measure],
    compared: Sequence[Compared],
) -> list[dict[str, Any]]:
    now_ms = time.time_ns() // 1_000_000
    failed = sum(map(is_alarm, checks))
    warned = sum(not each.success for each in checks) - failed
    odd = sum(each.severity is not None for each in compared)
    history.record_measures(client, window, measures, now_ms)
    history.record_checks(client, window, checks, now_ms)
    history.record_night(client, window, "fail" if failed else "pass", (len(checks), failed, warned, odd), now_ms)
    return history.read_verdicts(client, window.length_s, SHOWN_NIGHTS)


def _with_tonight(
    before: dict[tuple[str, str], History], measures: Sequence[Measure], window: Window
) -> dict[tuple[str, str], History]:
    tonight = {(each.metric, each.subject): each.value for each in measures}
    return {key: {**before.get(key, {}), window.night: value} for key, value in tonight.items()}


def _latency(client: Any, window: Window) -> Percentiles:
    n, p50_us, p99_us, p999_us, max_us = latency_row(client, window)

    def at(percent: float, us: int) -> float | None:
        return in_ms(us) if enough_samples(n, percent) else None

    return Percentiles(n, at(50, p50_us), at(99, p99_us), at(99.9, p999_us), in_ms(max_us) if n else None)


def _client(address: WarehouseAddress) -> Any:
    try:
        # The database that every server has: k2_quality may not be there yet, and k2 is looked for below.
        return address.client(database="default")
    except Exception as error:
        raise StackError(f"no warehouse answers at {address.url} as user {address.user}: {error}") from error


def _require_schema(client: Any, address: WarehouseAddress) -> None:
    query = "SELECT count() FROM system.tables WHERE database = 'k2' AND name = 'silver_trades'"
    if not client.query(query).first_row[0]:
        raise NightError(
            f"{address.url} has no table k2.silver_trades for user {address.user}; apply the schema with k2 migrate, "
            "or give the warehouse that has it"
        )


def _make_tables(client: Any) -> None:
    try:
        history.make_tables(client)
    except ClickHouseError as error:
        raise NightError(
            f"the history cannot be kept: {error}; create database {history.DATABASE}, and grant the user "
            f"CREATE TABLE, INSERT and SELECT on it"
        ) from error
