"""Runs the checks' SQL through Great Expectations' own connection; every value comes back as ClickHouse prints it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from great_expectations.execution_engine.execution_engine import ExecutionEngine
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine

from harness.checks.queries import SAMPLE_ROWS, some_of

Row = Mapping[str, str]


class Warehouse:
    """The warehouse behind an execution engine that has loaded the batch under check."""

    def __init__(
        self, engine: ExecutionEngine[Any] | None, batch_id: str | None, sample_rows: int = SAMPLE_ROWS
    ) -> None:
        if not isinstance(engine, SqlAlchemyExecutionEngine):
            raise TypeError(f"the checks run on SQL, not on {type(engine).__name__}; give a clickhousedb:// address")
        self._engine = engine
        self._batch_id = batch_id
        self.sample_rows = sample_rows

    @property
    def batch(self) -> str:
        """The batch as a subquery in parentheses."""
        selectable = self._engine.get_domain_records(domain_kwargs={"batch_id": self._batch_id})
        return f"({selectable.compile(dialect=self._engine.engine.dialect)})"

    def rows(self, query: str) -> list[Row]:
        """The rows of a query."""
        with self._engine.get_connection() as connection:
            found = connection.exec_driver_sql(f"SELECT * APPLY(toString) FROM ({query}\n)")
            names = [name.removeprefix("toString(").removesuffix(")") for name in found.keys()]  # noqa: SIM118  # no mapping
            return [dict(zip(names, map(_printed, row), strict=True)) for row in found]

    def some(self, query: str) -> list[Row]:
        """A few rows of a query, always the same ones."""
        return self.rows(some_of(query, self.sample_rows))

    def counts(self, query: str) -> dict[str, int]:
        """The only row of a query, whose values are integers."""
        (row,) = self.rows(query)
        return {name: int(value) for name, value in row.items()}

    def types(self, query: str) -> dict[str, str]:
        """The columns of a query or table, with their types."""
        with self._engine.get_connection() as connection:
            found = connection.exec_driver_sql(f"DESCRIBE TABLE (SELECT * FROM {query})")
            return {str(row.name): str(row.type) for row in found}


def _printed(value: str | None) -> str:
    return "NULL" if value is None else value
