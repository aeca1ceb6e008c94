"""What Great Expectations says of a check, as a CheckResult."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from harness.checks.result import CheckResult
from harness.checks.suites import Check, Suite

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult

ERROR_CHARACTERS: Final = 2_000
VALUE_CHARACTERS: Final = 1_000
_SAID_BY_WAREHOUSE: Final = re.compile(r"(Code: [0-9]+\. DB::Exception: .*?)(?: \(for url [^)]*\))?$", re.DOTALL)


def outcomes(suite: Suite, results: Iterable[ExpectationValidationResult], seconds: float) -> list[CheckResult]:
    """The results of a suite in its own order; a check without one fails. `seconds` is what the suite took."""
    found = {_name(result): result for result in results}
    shared = (seconds - sum(map(_own_seconds, found.values()))) / len(suite.checks)
    return [_outcome(suite, check, found.get(check.name), shared) for check in suite.checks]


def failures(suite: Suite, error: Exception, seconds: float = 0.0) -> list[CheckResult]:
    """Every check of a suite that could not be run."""
    return [_result(suite, check, seconds / len(suite.checks), error=_text(error)) for check in suite.checks]


def _name(result: ExpectationValidationResult) -> str | None:
    return (result.expectation_config.meta or {}).get("name") if result.expectation_config else None


def _outcome(
    suite: Suite, check: Check, result: ExpectationValidationResult | None, shared_seconds: float
) -> CheckResult:
    if result is None:
        return _result(suite, check, shared_seconds, error="Great Expectations gave no result for this check")
    seconds = shared_seconds + _own_seconds(result)
    error = _error(result)
    if error is not None:
        return _result(suite, check, seconds, error=error)
    details = result.result.get("details", {})
    count = result.result.get("unexpected_count", result.result.get("observed_value"))
    unexpected = count if isinstance(count, int) else int(not result.success)
    sample = details["sample"] if "sample" in details else _built_in_sample(check, result.result)
    return _result(
        suite,
        check,
        seconds,
        success=bool(result.success),
        unexpected=unexpected,
        sample=sample,
        observed=details.get("observed", {}),
    )


def _result(
    suite: Suite,
    check: Check,
    seconds: float,
    *,
    success: bool = False,
    unexpected: int = 0,
    sample: Sequence[Mapping[str, str]] = (),
    error: str | None = None,
    observed: Mapping[str, int] | None = None,
) -> CheckResult:
    return CheckResult(
        suite=suite.name,
        name=check.name,
        layer=check.layer,
        kind=check.kind,
        severity=check.severity,
        success=success,
        unexpected=unexpected,
        sample=tuple({name: _bounded(value) for name, value in row.items()} for row in sample),
        error=error,
        seconds=round(max(seconds, 0.0), 4),
        why=check.why,
        observed=observed or {},
    )


def _own_seconds(result: ExpectationValidationResult) -> float:
    return float((result.result or {}).get("details", {}).get("seconds", 0.0))


def _error(result: ExpectationValidationResult) -> str | None:
    """What went wrong, once: one exception, or one for each metric that could not be computed."""
    info: Mapping[str, Any] = result.exception_info or {}
    infos = [info] if "raised_exception" in info else list(info.values())
    raised = [each for each in infos if each.get("raised_exception")]
    messages = dict.fromkeys(_shortened(str(each.get("exception_message"))) for each in raised)
    return "; ".join(messages) if raised else None


def _text(error: Exception) -> str:
    return _shortened(f"{type(error).__name__}: {error}")


def _shortened(message: str) -> str:
    """What the warehouse said, without what drivers put around it: their names, the address, the whole statement."""
    said = message.split("\n[SQL:", 1)[0].strip()
    if found := _SAID_BY_WAREHOUSE.search(said):
        said = found[1]
    return said if len(said) <= ERROR_CHARACTERS else f"{said[:ERROR_CHARACTERS]} ..."


def _built_in_sample(check: Check, result: Mapping[str, Any]) -> list[dict[str, str]]:
    """Great Expectations gives values, pairs of values or rows, without repeating the names of the columns."""
    kwargs: Mapping[str, Any] = check.definition.get("kwargs", {})
    values: list[Any] = result.get("partial_unexpected_list") or []
    if "column_A" in kwargs:
        names = (kwargs["column_A"], kwargs["column_B"])
        return [dict(zip(names, map(printed, value), strict=True)) for value in values]
    if "column" in kwargs:
        return [{kwargs["column"]: printed(value)} for value in values]
    return [{name: printed(value) for name, value in row.items()} for row in values if isinstance(row, dict)]


def printed(value: object) -> str:
    """A value of Python as ClickHouse prints it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ")
    return str(value)


def _bounded(value: str) -> str:
    """A value of a sample; a frame may have megabytes."""
    if len(value) <= VALUE_CHARACTERS:
        return value
    return f"{value[:VALUE_CHARACTERS]} ... ({len(value):,} characters)"
