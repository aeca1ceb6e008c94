"""The checks that Great Expectations does not bring: its own batch expectations, with SQL that runs in the warehouse.

A suite names one by its class in snake case: `expect_no_row_lost`. Each gives a count and, where that is not 0, a
sample of rows.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from great_expectations.compatibility import pydantic
from great_expectations.core import ExpectationValidationResult
from great_expectations.execution_engine.execution_engine import ExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.render.components import (
    CollapseContent,
    LegacyDiagnosticRendererType,
    RenderedTableContent,
)
from great_expectations.render.renderer.renderer import renderer

from harness.checks import queries
from harness.checks.columns import Pair, pairs
from harness.checks.metrics import PRESENCE
from harness.checks.queries import SAMPLE_ROWS
from harness.checks.warehouse import Row, Warehouse


@dataclass(frozen=True)
class Finding:
    """How many rows are not as they should be, some of them, and figures to report whether there are any or not."""

    unexpected: int
    sample: Sequence[Row] = ()
    observed: Mapping[str, int] = field(default_factory=dict)


class ExpectNothingUnexpected(BatchExpectation):
    """Base of the expectations here, which holds when `find` finds nothing unexpected."""

    @abstractmethod
    def find(self, warehouse: Warehouse, metrics: Mapping[str, Any]) -> Finding:
        """Look into the warehouse. Whatever this raises becomes the error of the check, which then fails."""

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        started = time.perf_counter()
        wanted = (runtime_configuration or {}).get("result_format", {}).get("partial_unexpected_count", SAMPLE_ROWS)
        warehouse = Warehouse(execution_engine, self.batch_id, sample_rows=wanted)
        finding = self.find(warehouse, metrics)
        details = {
            "sample": list(finding.sample),
            "observed": dict(finding.observed),
            "seconds": time.perf_counter() - started,
        }
        return {
            "success": finding.unexpected == 0,
            "result": {"observed_value": finding.unexpected, "details": details},
        }

    @classmethod
    @renderer(renderer_type=LegacyDiagnosticRendererType.UNEXPECTED_TABLE)
    def _diagnostic_unexpected_table_renderer(
        cls,
        configuration: ExpectationConfiguration | None = None,  # noqa: ARG003
        result: ExpectationValidationResult | None = None,
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG003
    ) -> list[RenderedTableContent | CollapseContent] | None:
        """The sample as a table in Data Docs."""
        sample = result.result.get("details", {}).get("sample") if result else None
        if not sample:
            return None
        rows = [list(row.values()) for row in sample]
        styling = {"body": {"classes": ["table-bordered", "table-sm", "mt-3"]}}
        return [RenderedTableContent(table=rows, header_row=list(sample[0]), styling=styling)]


class _AgainstTruth(ExpectNothingUnexpected):
    """Compares the batch with a table of the truth by a key; `shown` are further columns for the sample."""

    truth: str
    key: list[str]
    shown: list[str] = pydantic.Field(default_factory=list)

    success_keys: ClassVar[tuple[str, ...]] = ("truth", "key", "shown")
    metric_dependencies: ClassVar[tuple[str, ...]] = (PRESENCE,)


class ExpectNoRowLost(_AgainstTruth):
    """Every row of the truth is in the batch."""

    def find(self, warehouse: Warehouse, metrics: Mapping[str, Any]) -> Finding:
        lost = metrics[PRESENCE]["lost"]
        query = queries.absent(warehouse.batch, self.truth, self.key, self.shown)
        return Finding(lost, warehouse.some(query) if lost else [])


class ExpectNoPhantomRow(_AgainstTruth):
    """Every row of the batch is in the truth."""

    def find(self, warehouse: Warehouse, metrics: Mapping[str, Any]) -> Finding:
        phantom = metrics[PRESENCE]["phantom"]
        query = queries.absent(self.truth, warehouse.batch, self.key, self.shown)
        return Finding(phantom, warehouse.some(query) if phantom else [])


class ExpectNoRowDoubled(_AgainstTruth):
    """No key stands in two rows of the batch."""

    def find(self, warehouse: Warehouse, metrics: Mapping[str, Any]) -> Finding:
        doubled = metrics[PRESENCE]["doubled"]
        query = queries.doubled(warehouse.batch, self.key)
        return Finding(doubled, warehouse.some(query) if doubled else [])


class _Columns(ExpectNothingUnexpected):
    """Compares columns of the batch with those of another table; `renamed` gives their name there.

    `condition` narrows both sides to some of their rows.
    """

    key: list[str]
    columns: list[str]
    renamed: dict[str, str] = pydantic.Field(default_factory=dict)
    condition: str = ""

    def sides(self, warehouse: Warehouse, other: str) -> tuple[str, str, list[str], list[Pair]]:
        """Batch, other table, key and columns as SQL; MissingColumnError where there is a column too few."""
        types = warehouse.types(warehouse.batch), warehouse.types(other)
        found = pairs([*self.key, *self.columns], self.renamed, *types)
        return self._narrowed(warehouse.batch), self._narrowed(other), self.key, found[len(self.key) :]

    def _narrowed(self, table: str) -> str:
        return f"(SELECT * FROM {table} WHERE {self.condition})" if self.condition else table


class ExpectRowsToEqualTruth(_Columns):
    """Rows that stand on both sides have equal values in every column."""

    truth: str

    success_keys: ClassVar[tuple[str, ...]] = ("truth", "key", "columns", "renamed", "condition")

    def find(self, warehouse: Warehouse, _metrics: Mapping[str, Any]) -> Finding:
        sides = self.sides(warehouse, self.truth)
        differing = warehouse.counts(queries.differing(*sides))["differing"]
        query = queries.differences(*sides, limit=warehouse.sample_rows)
        return Finding(differing, warehouse.some(query) if differing else [])


class OfQuery(ExpectNothingUnexpected):
    """The unexpected rows are those of one query."""

    @abstractmethod
    def query(self, warehouse: Warehouse) -> str:
        """The rows that should not be."""

    def find(self, warehouse: Warehouse, _metrics: Mapping[str, Any]) -> Finding:
        query = self.query(warehouse)
        unexpected = warehouse.counts(queries.count_of(query))["unexpected"]
        return Finding(unexpected, warehouse.some(query) if unexpected else [])


class ExpectRowsToAgreeWith(OfQuery, _Columns):
    """Another table has the same rows with the same values."""

    other: str

    success_keys: ClassVar[tuple[str, ...]] = ("other", "key", "columns", "renamed", "condition")

    def query(self, warehouse: Warehouse) -> str:
        return queries.disagreeing(*self.sides(warehouse, self.other))

    def find(self, warehouse: Warehouse, metrics: Mapping[str, Any]) -> Finding:
        # Where both are well, which is nearly always, one look at each takes a quarter of the time.
        if warehouse.counts(queries.alike(*self.sides(warehouse, self.other)))["alike"]:
            return Finding(0)
        return super().find(warehouse, metrics)


class ExpectKeyToBeUnique(OfQuery):
    """No key stands in two rows of the batch. Great Expectations' own check counts in a window over all columns."""

    key: list[str]

    success_keys: ClassVar[tuple[str, ...]] = ("key",)

    def query(self, warehouse: Warehouse) -> str:
        return queries.doubled(warehouse.batch, self.key)


class ExpectOffsetsToBeConserved(OfQuery):
    """Every acknowledged offset of a topic is rows of the batch, one for each trade, or one dead letter."""

    topic: str

    success_keys: ClassVar[tuple[str, ...]] = ("topic",)

    def query(self, warehouse: Warehouse) -> str:
        return queries.unconserved_offsets(warehouse.batch, self.topic)


class ExpectOffsetsToBeLetters(OfQuery):
    """Every acknowledged offset of a topic is one dead letter of the batch."""

    topic: str

    success_keys: ClassVar[tuple[str, ...]] = ("topic",)

    def query(self, warehouse: Warehouse) -> str:
        return queries.unlettered_offsets(warehouse.batch, self.topic)


class ExpectTradesToReachSilver(OfQuery):
    """Every bronze trade is in silver by its identity, or is one dead letter of silver.

    `identity` is SQL on the columns of bronze for the trade_id that docs/meaning.md gives the trade in silver.
    `since_us` (since 1970) says that nothing in the batch was written before.
    """

    exchange: str
    identity: str
    since_us: int | None = None

    success_keys: ClassVar[tuple[str, ...]] = ("exchange", "identity", "since_us")

    def query(self, warehouse: Warehouse) -> str:
        return queries.unconserved_trades(warehouse.batch, self.exchange, self.identity, self.since_us)


class ExpectGapsToBeInjected(ExpectNothingUnexpected):
    """The trade ids missing in the batch are those that the exchange never sent, and no others."""

    truth: str
    injected: str

    success_keys: ClassVar[tuple[str, ...]] = ("truth", "injected")

    def find(self, warehouse: Warehouse, _metrics: Mapping[str, Any]) -> Finding:
        tables = (warehouse.batch, self.truth, self.injected)
        counts = warehouse.counts(queries.gaps(*tables))
        unexpected = counts.pop("unexpected")
        others = queries.gaps_beside_the_injected(*tables)
        return Finding(unexpected, warehouse.some(others) if unexpected else [], counts)


class ExpectNoRowWhere(OfQuery):
    """No row of the batch meets a condition; `shown` are the columns of the sample."""

    condition: str
    shown: list[str]

    success_keys: ClassVar[tuple[str, ...]] = ("condition", "shown")

    def query(self, warehouse: Warehouse) -> str:
        return queries.rows_where(warehouse.batch, self.condition, self.shown)


class ExpectColumnsToHaveTypes(ExpectNothingUnexpected):
    """The batch has these columns, each with exactly this type; further columns are welcome.

    Great Expectations' own check of a type sees `Decimal`, whatever the scale.
    """

    types: dict[str, str]

    success_keys: ClassVar[tuple[str, ...]] = ("types",)

    def find(self, warehouse: Warehouse, _metrics: Mapping[str, Any]) -> Finding:
        found = warehouse.types(warehouse.batch)
        wrong = [
            {"column": column, "expected": kind, "actual": found.get(column, "missing")}
            for column, kind in self.types.items()
            if found.get(column) != kind
        ]
        return Finding(len(wrong), wrong)
