"""Runs the suites on a warehouse."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness.checks.outcome import failures, outcomes
from harness.checks.queries import SAMPLE_ROWS
from harness.checks.result import CheckResult
from harness.checks.suites import EXPECTATIONS, KINDS, Suite, SuiteError, load_suites

if TYPE_CHECKING:
    from harness.checks.session import Session


class Address(Protocol):
    """Where the warehouse is."""

    def sqlalchemy_url(self) -> str:
        """For create_engine: `clickhousedb://user:password@host:port/k2`."""


def run_checks(
    address: Address,
    *,
    suites: Path = EXPECTATIONS,
    suites_named: Collection[str] = (),
    kinds: Collection[str] = KINDS,
    since_ns: int | None = None,
    until_ns: int | None = None,
    settings: Mapping[str, int] | None = None,
    sample_rows: int = SAMPLE_ROWS,
    data_docs: Path | None = None,
    docs_wanted: Callable[[Sequence[CheckResult]], bool] = bool,
    progress: Callable[[str], None] | None = None,
) -> list[CheckResult]:
    """Run the checks of a folder of suites, all of them or those of `suites_named`; results in the suites' order.

    A check that cannot be carried out fails with its error. `since_ns` and `until_ns` (since 1970) narrow the suites to
    what came from the one to before the other. On a warehouse that is written to, give an end that lies some time back:
    its tables are written one after another. `settings` are the warehouse's, for every query. `sample_rows` is how many
    unexpected rows a result shows at most. `data_docs` is a directory for Great Expectations' Data Docs, which open
    from disk; building them takes a second, and `docs_wanted` is asked with the results whether to. `progress` is told
    each suite as it begins.

    Raises SuiteError when a suite cannot be understood or none is left to run.
    """
    chosen = [suite for suite in (each.of(kinds) for each in load_suites(suites, suites_named)) if suite.checks]
    if not chosen:
        raise SuiteError(f"{suites}: no check of kind {' or '.join(kinds)} here; kinds are {' and '.join(KINDS)}")
    if since_ns is not None:
        chosen = [suite.narrowed(since_ns, until_ns) for suite in chosen]
    try:
        session = _open(address.sqlalchemy_url(), data_docs, sample_rows, settings or {})
    except Exception as error:  # noqa: BLE001  # whatever it is, no check could be carried out
        return [result for suite in chosen for result in failures(suite, error)]
    results: list[CheckResult] = []
    with closing(session):
        for number, suite in enumerate(chosen, 1):
            if progress:
                progress(f"{suite.name} ({number} of {len(chosen)} suites)")
            results += _run(session, suite)
        if data_docs and docs_wanted(results):
            session.build_docs(results)
    return results


def _open(sqlalchemy_url: str, data_docs: Path | None, sample_rows: int, settings: Mapping[str, int]) -> Session:
    # Great Expectations takes seconds to import, and imports what Python will give up.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from harness.checks.session import Session

    return Session(sqlalchemy_url, data_docs, sample_rows, settings)


def _run(session: Session, suite: Suite) -> list[CheckResult]:
    started = time.perf_counter()
    try:
        found = session.validate(suite).results
    except Exception as error:  # noqa: BLE001  # it becomes the error of every check here, all of which fail
        return failures(suite, error, time.perf_counter() - started)
    return outcomes(suite, found, time.perf_counter() - started)
