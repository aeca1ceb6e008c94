"""Metrics: what several expectations of a suite share, computed once a suite.

Defining a class here makes it known to Great Expectations.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations import registry
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from harness.checks import queries
from harness.checks.warehouse import Warehouse

PRESENCE: Final = "k2.presence"


class Presence(TableMetricProvider):
    """How many rows of a batch are lost, phantoms and doubled, told by their key."""

    metric_name = PRESENCE
    value_keys = ("truth", "key")

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(  # Great Expectations calls it with keywords, as a class method
        cls,  # noqa: N805
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],  # noqa: ARG002
        runtime_configuration: dict[str, Any],  # noqa: ARG002
    ) -> dict[str, int]:
        warehouse = Warehouse(execution_engine, metric_domain_kwargs["batch_id"])
        return warehouse.counts(queries.presence(warehouse.batch, **metric_value_kwargs))


# It is said in a warning that a metric is replaced, which is the purpose here.
_registry_log: Final = logging.getLogger(registry.__name__)
_level: Final = _registry_log.level
_registry_log.setLevel(logging.ERROR)


class ColumnTypes(TableMetricProvider):
    """The columns of a batch, in place of Great Expectations' own: that one fetches all rows of a query for them."""

    metric_name = "table.column_types"
    value_keys = ("include_nested",)
    default_kwarg_values = {"include_nested": True}  # noqa: RUF012  # the name and type that the base class gives it

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,  # noqa: N805
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],  # noqa: ARG002
        metrics: dict[str, Any],  # noqa: ARG002
        runtime_configuration: dict[str, Any],  # noqa: ARG002
    ) -> list[dict[str, str]]:
        warehouse = Warehouse(execution_engine, metric_domain_kwargs["batch_id"])
        return [{"name": name, "type": kind} for name, kind in warehouse.types(warehouse.batch).items()]


_registry_log.setLevel(_level)
