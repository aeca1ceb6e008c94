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
from harness.gaps import GapReport, explain_gaps
from harness.nightly import history
from harness.nightly.latency import Unjudged, judged_latency
from harness.nightly.memory import bounded
from harness.nightly.profile import ALL, Measure, Profile, profile
from harness.nightly.rules import Rule, load_rules
from harness.nightly.trend import Compared, History, compare_all
from harness.nightly.window import NightError, Window
from k2pipeline.stack import StackError, WarehouseAddress

TREND: Final = "trend"
SHOWN_NIGHTS: Final = 30
_BRONZE: Final = "bronze_trades_"
_COPIES: Final = "trades_come_once"
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
    explained: GapReport
    unjudged: tuple[Unjudged, ...]
    compared: tuple[Compared, ...]
    rules: dict[str, Rule]
    histories: dict[tuple[str, str], History]
    verdicts: list[dict[str, Any]]

    @property
    def verdict(self) -> str:
        """pass or fail; warnings do not fail a night."""
        return "fail" if any(map(is_alarm, self.checks)) else "pass"


def is_alarm(check: CheckResult) -> bool:
    """Whether a check fails its night: nobody knows what was sent, so what came wrong counts like what was bent.

    One that could not be carried out does too, however severe its finding would be: nobody knows what it would find.
    """
    return not check.success and (check.severity == "critical" or check.error is not None)


def is_warning(check: CheckResult) -> bool:
    """Whether a check warns; one of severity info neither fails nor warns."""
    return not check.success and not is_alarm(check) and check.severity != "info"


def check_night(
    address: WarehouseAddress,
    window: Window,
    told: Told,
    data_docs: Path | None = None,
    *,
    docs: bool = False,
    keeps_history: bool = True,
    session_logs: Sequence[Path] = (),
) -> Night:
    """Check a warehouse and write into its k2_quality what was found.

    Without history nothing is written and nothing is compared: the user then needs no right but SELECT on k2.
    data_docs: where Great Expectations' Data Docs go, when the night fails or `docs` is given. session_logs: what
    `k2 feed` wrote to stderr, which tells why trades are missing. Raises StackError when the warehouse does not answer,
    NightError when it has no K2 schema or refuses the tables of the history.
    """
    started_at, started = datetime.now(UTC), time.monotonic()
    with _client(address) as client:
        _require_schema(client, address)
        settings = bounded(client)
        window = window.settled(client.query("SELECT toUnixTimestamp64Nano(now64(9))").first_row[0])
        if keeps_history:
            told("the history")
            _make_tables(client)
        checks = run_checks(
            address,
            kinds=("standing",),
            since_ns=window.since_ns,
            until_ns=window.until_ns,
            settings=settings,
            data_docs=data_docs,
            docs_wanted=lambda found: docs or any(map(is_alarm, found)),
            progress=told,
        )
        told("the night in numbers")
        numbers = profile(client, window)
        latency = judged_latency(client, window)
        checks += latency.judged
        told("the causes of gaps")
        explained = explain_gaps(client, session_logs=session_logs, within=window.of)
        failed = Measure("failed_checks", ALL, sum(map(is_alarm, checks)))
        measures = [*numbers.measures, *latency.measures, *duplicates(checks), failed]
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
            explained=explained,
            unjudged=latency.unjudged,
            compared=tuple(compared),
            rules=rules,
            histories=_with_tonight(before, measures, window),
            verdicts=_record(client, window, checks, measures, compared) if keeps_history else [],
        )


def duplicates(checks: Sequence[CheckResult]) -> list[Measure]:
    """Copies of trades by exchange, as the check that looks for them has counted them."""
    return [
        Measure("duplicates", check.suite.removeprefix(_BRONZE), check.unexpected)
        for check in checks
        if check.suite.startswith(_BRONZE) and check.name == _COPIES and check.error is None
    ]


def deviations(compared: Sequence[Compared]) -> list[CheckResult]:
    """What is not as usual, as checks of a suite `trend`; a measure that could not be compared yet holds."""
    return [_deviation(each) for each in compared]


def _deviation(found: Compared) -> CheckResult:
    measure, known = found.measure, found.usual
    sample: tuple[dict[str, str], ...] = ()
    if found.severity:
        sample = (
            {
                "metric": measure.metric,
                "subject": measure.subject,
                "tonight": str(measure.value),
                **(
                    {
                        "usual": f"{known.median:.0f}",
                        "from": f"{known.low:.0f}",
                        "to": f"{known.high:.0f}",
                        "of": f"{known.nights} {known.basis}",
                    }
                    if known
                    else {}
                ),
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
    warned = sum(map(is_warning, checks))
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
