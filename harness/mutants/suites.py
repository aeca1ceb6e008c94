"""The checks of expectations/ without Great Expectations around them: the same SQL, on a warehouse in this process.

The project's own expectations bring their SQL and are asked for it. Of the expectations that Great Expectations brings,
those that the suites use are said again in SQL here, and another one is an error until it is added to `_BUILT_IN`.
Only checks that make a run fail are run: critical ones, and not about the feed.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from harness.checks import EXPECTATIONS, FEED, KINDS, SuiteError, load_suites, queries
from harness.checks.suites import Check, Suite
from harness.mutants.bench import Bench, Rows

_OBJECT: Final = re.compile(r"\bk2\.`?(\w+)`?")
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `error` where it could not be carried out, which is a failure too."""

    name: str
    unexpected: int
    error: str | None = None
    sample: tuple[Mapping[str, str], ...] = ()

    @property
    def holds(self) -> bool:
        return not self.unexpected and self.error is None


class _Warehouse:
    """What the project's expectations use of harness.checks.warehouse.Warehouse. Notes which objects are asked for."""

    sample_rows = _SHOWN

    def __init__(self, bench: Bench, batch: str, shown: bool) -> None:
        self._bench, self._shown = bench, shown
        self.batch = f"({batch})"
        self.touched: set[str] = set()

    def some(self, query: str) -> Rows:
        return self.rows(queries.some_of(query)) if self._shown else []

    def rows(self, query: str) -> Rows:
        self.touched |= set(_OBJECT.findall(query))
        return self._bench.rows(query)

    def counts(self, query: str) -> dict[str, int]:
        self.touched |= set(_OBJECT.findall(query))
        (row,) = self._bench.rows(query)
        return {name: int(value) for name, value in row.items()}

    def types(self, query: str) -> dict[str, str]:
        self.touched |= set(_OBJECT.findall(query))
        found = self._bench.connection.execute(f"DESCRIBE TABLE (SELECT * FROM {query})")
        return {
            name: kind
            for name, kind, *_ in (line.split("\t") for line in found.decode().replace("\\'", "'").splitlines())
        }


class _Expectation(Protocol):
    def find(self, warehouse: Any, metrics: Mapping[str, Any]) -> Any: ...


class Checks:
    """All checks of a folder of suites, ready to be run many times. Raises SuiteError where one cannot be run here."""

    def __init__(self, folder: Path = EXPECTATIONS) -> None:
        known = [(suite, check, _find(check)) for suite in load_suites(folder) for check in suite.checks]
        critical = [each for each in known if each[1].severity == "critical" and each[1].layer != FEED]
        if unsaid := [check.definition["type"] for _, check, find in critical if find is None]:
            raise SuiteError(f"mutants cannot run {', '.join(unsaid)}: say it in SQL in harness/mutants/suites.py")
        # What compares with the truth comes first: it sees most, and one failure is enough.
        self._known = {
            _name(suite, check): (suite, check, find)
            for kind in KINDS
            for suite, check, find in critical
            if find is not None and check.kind == kind
        }
        self.touches: dict[str, frozenset[str]] = {}

    @property
    def names(self) -> list[str]:
        return list(self._known)

    def kind(self, name: str) -> str:
        """exact or standing."""
        return self._known[name][1].kind

    def learn(self, bench: Bench) -> list[Finding]:
        """Run every check and note which objects each asks for; gives those that do not hold."""
        findings = []
        for name in self.names:
            finding, touched = self._run(bench, name, shown=True)
            self.touches[name] = frozenset(touched)
            findings.append(finding)
        return [finding for finding in findings if not finding.holds]

    def forget(self, names: Collection[str]) -> None:
        """Leave these checks out from now on."""
        self._known = {name: known for name, known in self._known.items() if name not in names}
        self.touches = {name: touched for name, touched in self.touches.items() if name in self._known}

    def touching(self, stored: Collection[str]) -> list[str]:
        """Checks that ask for none of the schema's objects but these."""
        return [name for name, touched in self.touches.items() if touched <= set(stored)]

    def reaching(self, objects: Collection[str]) -> list[str]:
        """Checks that ask for some of these objects, or for the schema as such."""
        return [name for name, touched in self.touches.items() if not touched or touched & set(objects)]

    def failing(self, bench: Bench, names: Collection[str] | None = None, *, shown: bool = False) -> Iterable[Finding]:
        """Run checks in the order of the suites, all or those of these names; yields each that does not hold."""
        for name in self.names:
            if names is None or name in names:
                finding, _ = self._run(bench, name, shown=shown)
                if not finding.holds:
                    yield finding

    def _run(self, bench: Bench, name: str, *, shown: bool) -> tuple[Finding, set[str]]:
        suite, _, find = self._known[name]
        warehouse = _Warehouse(bench, suite.batch, shown)
        try:
            unexpected, sample = find(warehouse)
        except Exception as error:  # noqa: BLE001  # whatever it is, the check was not carried out
            return Finding(name, 0, _first_line(error)), warehouse.touched
        return Finding(name, unexpected, sample=tuple(sample[:_SHOWN])), warehouse.touched


_Check = Callable[[_Warehouse], tuple[int, Rows]]


def _find(check: Check) -> _Check | None:
    kind, arguments = check.definition["type"], check.definition.get("kwargs", {})
    if kind in _BUILT_IN:
        return _counting(_BUILT_IN[kind](arguments))
    found = _expectation(check.definition)
    return _asking(found) if hasattr(found, "find") else None


def _expectation(definition: Mapping[str, Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

        import harness.checks.session  # noqa: F401  # it makes the project's expectations known

    return ExpectationConfiguration(**definition).to_domain_obj()


def _asking(expectation: _Expectation) -> _Check:
    def run(warehouse: _Warehouse) -> tuple[int, Rows]:
        metrics = _Metrics(warehouse, expectation)
        finding = expectation.find(warehouse, metrics)
        return finding.unexpected, list(finding.sample)

    return run


class _Metrics(dict[str, Any]):
    """What several expectations share, computed when it is asked for."""

    def __init__(self, warehouse: _Warehouse, expectation: Any) -> None:
        super().__init__()
        self._warehouse, self._expectation = warehouse, expectation

    def __missing__(self, metric: str) -> Any:
        query = queries.presence(self._warehouse.batch, self._expectation.truth, self._expectation.key)
        return self.setdefault(metric, self._warehouse.counts(query))


def _counting(query: Callable[[str], str]) -> _Check:
    def run(warehouse: _Warehouse) -> tuple[int, Rows]:
        unexpected = warehouse.counts(queries.count_of(query(warehouse.batch)))["unexpected"]
        return unexpected, warehouse.some(query(warehouse.batch)) if unexpected else []

    return run


def _not_null(arguments: Mapping[str, Any]) -> Callable[[str], str]:
    return lambda batch: f"SELECT * FROM {batch} WHERE isNull({arguments['column']})"


def _in_set(arguments: Mapping[str, Any]) -> Callable[[str], str]:
    values = ", ".join("'" + str(value).replace("'", "''") + "'" for value in arguments["value_set"])
    column = arguments["column"]
    return lambda batch: f"SELECT * FROM {batch} WHERE toString({column}) NOT IN ({values}) AND isNotNull({column})"


def _unique(arguments: Mapping[str, Any]) -> Callable[[str], str]:
    columns = ", ".join(arguments["column_list"])
    return lambda batch: f"SELECT {columns}, count() AS rows FROM {batch} GROUP BY {columns} HAVING rows > 1"


def _row_count(arguments: Mapping[str, Any]) -> Callable[[str], str]:
    least, most = arguments.get("min_value"), arguments.get("max_value")
    conditions = [f"rows < {least}"] * (least is not None) + [f"rows > {most}"] * (most is not None)
    return lambda batch: f"SELECT rows FROM (SELECT count() AS rows FROM {batch}) WHERE {' OR '.join(conditions)}"


_BUILT_IN: Final[Mapping[str, Callable[[Mapping[str, Any]], Callable[[str], str]]]] = {
    "expect_column_values_to_not_be_null": _not_null,
    "expect_column_values_to_be_in_set": _in_set,
    "expect_compound_columns_to_be_unique": _unique,
    "expect_table_row_count_to_be_between": _row_count,
}


def _name(suite: Suite, check: Check) -> str:
    return f"{suite.name}.{check.name}"


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:500]
