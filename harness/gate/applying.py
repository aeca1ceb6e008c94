"""A schema applied to a database of any name, with consumer groups of its own, so that two can stand side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from harness.gate.sides import Side
from k2pipeline.schema import SchemaVariables, apply_schema
from k2pipeline.stack import Stack

USUAL: Final = "k2"
_NAMED: Final = re.compile(rf"\b{USUAL}\.(?=[\w`])")


def apply_side(running: Stack, side: Side, database: str) -> None:
    """Apply the files that the database does not have yet. Raises SchemaError where the warehouse refuses one."""
    with _in_database(side, database) as directory:
        apply_schema(replace(running.warehouse, database=database), variables(running, database), directory)


def variables(running: Stack, database: str) -> SchemaVariables:
    """What the schema of this database is applied with."""
    return SchemaVariables(kafka_brokers=running.bootstrap, kafka_group=group(database))


def group(database: str) -> str:
    """Prefix of the consumer groups of a database."""
    return database.replace("_", "-")


@contextmanager
def _in_database(side: Side, database: str) -> Iterator[Path]:
    """The files as they are, or with another database's name where they name theirs."""
    files = side.files()
    if database == USUAL or not any(_NAMED.search(text) for text in files.values()):
        yield side.directory
        return
    with TemporaryDirectory(prefix="k2-gate-") as name:
        for file, text in files.items():
            (Path(name) / file).write_text(_NAMED.sub(f"{database}.", text), encoding="utf-8")
        yield Path(name)
