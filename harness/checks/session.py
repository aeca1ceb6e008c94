"""Great Expectations on one warehouse: an in-memory context, a batch for each suite, and its Data Docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import great_expectations as gx
from great_expectations.core import ExpectationSuiteValidationResult, RunIdentifier
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from sqlalchemy import make_url

import harness.checks.feed  # defining expectations makes them known to Great Expectations
import harness.checks.upkeep  # noqa: F401
from harness.checks.docs import make_self_contained
from harness.checks.queries import SAMPLE_ROWS
from harness.checks.result import CheckResult
from harness.checks.suites import Check, Suite


class Session:
    """Runs suites. Nothing leaves this process but SQL: telemetry is off, stores are in memory.

    docs: directory for Data Docs, which `build_docs` then writes. sample_rows: how many unexpected rows a check
    shows at most. settings: of the warehouse, for every query.
    """

    def __init__(
        self,
        sqlalchemy_url: str,
        docs: Path | None = None,
        sample_rows: int = SAMPLE_ROWS,
        settings: Mapping[str, int] | None = None,
    ) -> None:
        self._docs = docs
        # Counts and a sample; COMPLETE would fetch every unexpected value.
        self._result_format = {"result_format": "SUMMARY", "partial_unexpected_count": sample_rows}
        self._context = gx.get_context(mode="ephemeral", project_config=_config(docs))
        self._run = RunIdentifier(run_name="checks", run_time=datetime.now(UTC))
        url = make_url(sqlalchemy_url).update_query_dict({name: str(value) for name, value in (settings or {}).items()})
        self._source = self._context.data_sources.add_sql(
            "warehouse", connection_string=url.render_as_string(hide_password=False)
        )

    def validate(self, suite: Suite) -> ExpectationSuiteValidationResult:
        """Run a suite's checks. Results come in no particular order; `meta.name` tells which is which."""
        asset = self._source.add_query_asset(suite.name, query=suite.batch)
        batch = asset.add_batch_definition_whole_table("all")
        checks = gx.ExpectationSuite(name=suite.name, expectations=[_expectation(check) for check in suite.checks])
        validation = gx.ValidationDefinition(name=suite.name, data=batch, suite=self._context.suites.add(checks))
        return self._context.validation_definitions.add(validation).run(
            result_format=self._result_format, run_id=self._run
        )

    def close(self) -> None:
        """Close the connections to the warehouse."""
        self._source.get_engine().dispose()
        self._source.get_execution_engine().engine.dispose()

    def build_docs(self, results: Sequence[CheckResult]) -> None:
        """Write Data Docs of all suites run so far; `results` are theirs, for the index."""
        if self._docs is None:
            raise ValueError("no directory for Data Docs; give the session one")
        self._context.build_data_docs()
        make_self_contained(self._docs, results)


def _config(docs: Path | None) -> DataContextConfig:
    sites: Mapping[str, Any] = {} if docs is None else {"checks": _site(docs)}
    return DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        data_docs_sites=dict(sites),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )


def _site(docs: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs)},
    }


def _expectation(check: Check) -> Any:
    # A suite made from configurations leaves out, with a line in the log, what it cannot make sense of.
    definition = {**check.definition, "description": check.why}
    return ExpectationConfiguration(**definition).to_domain_obj()
