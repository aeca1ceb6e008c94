"""k2 migrate: applies what is new in sql/ to a warehouse that runs elsewhere."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    migrate = commands.add_parser("migrate", help="apply what is new in sql/ to a warehouse")
    migrate.set_defaults(command=run)
    migrate.add_argument(
        "--clickhouse",
        metavar="URL",
        help="http[s]://user@host:8123/k2; default K2_CLICKHOUSE_URL. The password from K2_CLICKHOUSE_PASSWORD",
    )
    migrate.add_argument(
        "--brokers", metavar="HOST:PORT", required=True, help="bootstrap address as the warehouse reaches it"
    )
    migrate.add_argument("--group", default="k2", help="prefix of the consumer groups")
    migrate.add_argument(
        "--consumers", metavar="N", type=int, default=1, help="consumers of each queue, on each server"
    )
    migrate.add_argument("--flush-ms", metavar="N", type=int, help="longest wait for a block to fill")
    migrate.add_argument("--sql", metavar="DIR", type=Path, help="the schema, in place of the one that ships")
    migrate.add_argument("--cluster", metavar="NAME", help="apply it to all servers of this cluster; docs/scale.md")
    migrate.add_argument(
        "--partitions", metavar="N", type=int, help="make the topics too, at --brokers, where they are missing"
    )


def run(options: argparse.Namespace) -> None:
    from k2pipeline.cli.exits import STACK_DIED, WRONG_INPUT, exits
    from k2pipeline.exchanges import TOPICS
    from k2pipeline.schema import DEFAULT_DIRECTORY, SchemaError, SchemaVariables, apply_schema
    from k2pipeline.stack.base import StackError
    from k2pipeline.stack.external import warehouse_address
    from k2pipeline.stack.topics import create_topics

    with exits({SchemaError: WRONG_INPUT, ValueError: WRONG_INPUT, StackError: STACK_DIED}):
        address = warehouse_address(options.clickhouse, os.environ)
        flush = {} if options.flush_ms is None else {"flush_interval_ms": options.flush_ms}
        variables = SchemaVariables(
            kafka_brokers=options.brokers, kafka_group=options.group, consumers=options.consumers, **flush
        )
        if options.partitions is not None:
            create_topics(options.brokers, TOPICS, options.partitions)
        applied = apply_schema(address, variables, options.sql or DEFAULT_DIRECTORY, options.cluster)
    print("\n".join(applied) if applied else "nothing to apply: the schema is up to date")
