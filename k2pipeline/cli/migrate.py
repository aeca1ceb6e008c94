"""k2 migrate: applies what is new in sql/ to a warehouse that runs elsewhere."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from k2pipeline.stack import WarehouseAddress


def add(commands: Any) -> None:
    migrate = commands.add_parser("migrate", help="apply what is new in sql/ to a warehouse")
    migrate.set_defaults(command=run)
    migrate.add_argument(
        "--clickhouse",
        metavar="URL",
        required=True,
        help="http://user@host:8123/k2; the password from K2_CLICKHOUSE_PASSWORD",
    )
    migrate.add_argument(
        "--brokers", metavar="HOST:PORT", required=True, help="bootstrap address as the warehouse reaches it"
    )
    migrate.add_argument("--group", default="k2", help="prefix of the consumer groups")
    migrate.add_argument("--flush-ms", type=int, help="longest wait for a block to fill")
    migrate.add_argument("--sql", metavar="DIR", type=Path, help="the schema, in place of the one that ships")


def run(options: argparse.Namespace) -> None:
    from k2pipeline.cli.exits import WRONG_INPUT, exits
    from k2pipeline.schema import DEFAULT_DIRECTORY, SchemaError, SchemaVariables, apply_schema

    with exits({SchemaError: WRONG_INPUT, ValueError: WRONG_INPUT}):
        variables = SchemaVariables(kafka_brokers=options.brokers, kafka_group=options.group)
        if options.flush_ms is not None:
            variables = SchemaVariables(options.brokers, options.group, options.flush_ms)
        applied = apply_schema(address(options.clickhouse), variables, options.sql or DEFAULT_DIRECTORY)
    print("\n".join(applied) if applied else "nothing to apply: the schema is up to date")


def address(url: str) -> WarehouseAddress:
    """Raises ValueError for what is no ClickHouse HTTP address."""
    from k2pipeline.stack import WarehouseAddress

    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"--clickhouse {url!r} is not a ClickHouse HTTP address; write http://user@host:8123/k2")
    return WarehouseAddress(
        host=parts.hostname,
        port=parts.port or 8123,
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or os.environ.get("K2_CLICKHOUSE_PASSWORD", "")),
        database=parts.path.strip("/") or "k2",
    )
