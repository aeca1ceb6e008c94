"""Applies the schema in sql/ to a warehouse, in order, each file once.

    applied = apply_schema(stack.warehouse, SchemaVariables(kafka_brokers=stack.bootstrap))

The files are ordinary migrations of clickhouse-migrations: `<number>_<name>.sql`, with `${NAME}` for what
differs from one installation to the next. Its lock is not taken: it needs ClickHouse Keeper, which a single
warehouse does not have.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_migrations.clickhouse_cluster import ClickhouseCluster
from clickhouse_migrations.exceptions import MigrationException
from clickhouse_migrations.migration import MigrationStorage
from clickhouse_migrations.migrator import Migrator
from clickhouse_migrations.substitution import substitute

from k2pipeline.cluster import Cluster, ClusterError, carried_over, prepared
from k2pipeline.identifier import plain
from k2pipeline.shipped import SHIPPED

DEFAULT_DIRECTORY: Final = SHIPPED / "sql"


class SchemaError(Exception):
    """A schema that could not be applied; the message names the file, what the warehouse said and the next
    step.
    """


class Address(Protocol):
    """Where a warehouse is: what this module needs to know of it."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def user(self) -> str: ...
    @property
    def password(self) -> str: ...
    @property
    def database(self) -> str: ...
    @property
    def secure(self) -> bool: ...
    @property
    def ca_file(self) -> str: ...


@dataclass(frozen=True, slots=True)
class SchemaVariables:
    """The values of the variables in sql/.

    kafka_brokers: bootstrap address as the warehouse reaches it. kafka_group: prefix of the consumer groups,
    which are named `<prefix>-<exchange>`. flush_interval_ms: how long frames wait for a block to fill, at
    most max_block_size messages.
    """

    kafka_brokers: str
    kafka_group: str = "k2"
    consumers: int = 1
    max_block_size: int = 65_536
    flush_interval_ms: int = 100

    def as_mapping(self) -> dict[str, str]:
        """Variable names as the files write them, with their values as text."""
        return {
            "KAFKA_BROKERS": self.kafka_brokers,
            "KAFKA_GROUP": self.kafka_group,
            "KAFKA_CONSUMERS": str(self.consumers),
            "KAFKA_MAX_BLOCK_SIZE": str(self.max_block_size),
            "KAFKA_FLUSH_INTERVAL_MS": str(self.flush_interval_ms),
        }


def apply_schema(
    address: Address, variables: SchemaVariables, directory: Path = DEFAULT_DIRECTORY, cluster: str | None = None
) -> list[str]:
    """Apply the files that are not applied yet, to all servers of a cluster where one is named; returns their names in
    order.

    Raises SchemaError when the directory holds no schema or the warehouse refuses a statement; what came
    before it stays applied, and the next call goes on there. ValueError for a database or a cluster whose name could
    not stand in SQL.
    """
    require_schema(directory)
    _check_values(variables)
    plain(address.database, "database")
    logging.getLogger("clickhouse_migrations").setLevel(logging.WARNING)
    server = ClickhouseCluster(
        db_host=address.host,
        db_port=str(address.port),
        db_user=address.user,
        db_password=address.password,
        driver="clickhouse-connect",
        secure=address.secure,
        ca_cert=address.ca_file or None,
    )
    names = MigrationStorage(directory).migration_filenames()
    try:
        with written_for(cluster, address.database, directory) as written:
            done = server.migrate(
                address.database,
                written,
                cluster_name=cluster,
                multi_statement=True,
                migration_log_format="compact",
                variables=variables.as_mapping(),
            )
    except (MigrationException, ClickHouseError, ClusterError) as error:
        raise SchemaError(f"{directory}: {error}") from error
    return [names[migration.version] for migration in done]


def require_schema(directory: Path) -> None:
    """Raise SchemaError unless the directory holds a schema: for those who want to know before they start a stack."""
    if not directory.is_dir() or not any(directory.glob("*.sql")):
        raise SchemaError(f"{directory}: no schema here (no *.sql file); give the directory with --sql")


def statements(directory: Path, variables: SchemaVariables) -> Iterator[str]:
    """The statements of a schema in order, variables replaced: for those who run it on an engine of their own."""
    _check_values(variables)
    for path in sorted(directory.glob("*.sql")):
        text = substitute(path.read_text(encoding="utf-8"), variables.as_mapping(), path.name)
        yield from Migrator.script_to_statements(text, True)


@contextmanager
def written_for(cluster: str | None, database: str, directory: Path) -> Iterator[Path]:
    """The directory itself, or one with the same files as a cluster wants them."""
    if cluster is None:
        yield directory
        return
    wanted = Cluster(cluster, database)
    with TemporaryDirectory() as made:
        paths = sorted(directory.glob("*.sql"))
        found = [Migrator.script_to_statements(path.read_text(encoding="utf-8"), True) for path in paths]
        written = carried_over(chain.from_iterable(found), wanted)
        before = prepared(wanted)
        for path, own in zip(paths, found, strict=True):
            text = ";\n\n".join([*before, *chain.from_iterable(islice(written, len(own)))])
            (Path(made) / path.name).write_text(f"{text};\n", encoding="utf-8")
            before = []
        yield Path(made)


def _check_values(variables: SchemaVariables) -> None:
    # Substitution is textual, so a quote in a value would become SQL.
    for name, value in variables.as_mapping().items():
        if not re.fullmatch(r"[A-Za-z0-9_.:,\-\[\]]+", value):
            raise SchemaError(f"{name}={value!r} cannot stand in the schema; use letters, digits and . : , - _ only")
