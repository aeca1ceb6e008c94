"""What the HTTP interface asks of the Kafka table engine; the package's docstring says when."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Protocol


class KafkaSupport(Protocol):
    def start(self) -> None:
        """Find the Kafka tables that the data directory holds and start their consumers."""

    def intercept(self, sql: str) -> str | None:
        """What to run instead if `sql` creates a Kafka table. Raises WarehouseError for wrong settings."""

    def ddl(self) -> AbstractContextManager[None]:
        """Hold Kafka inserts off while tables change; then make the consumers fit the tables that exist."""

    def refuse_reading(self, sources: Iterable[tuple[str, str]], current_database: Callable[[], str]) -> None:
        """Raises WarehouseError if one of these (database or "", table) is a Kafka table."""

    def refresh_consumers(self) -> None:
        """Bring system.kafka_consumers up to date."""

    def close(self) -> None:
        """Stop the consumers after their current insert and commit."""
