"""k2: the pipeline's command.

Exit codes: 0 done; 2 the command or its input is wrong; 3 the stack could not start or died.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from k2pipeline.exchanges import DLQ_TOPIC, EXCHANGES
from k2pipeline.schema import DEFAULT_DIRECTORY, SchemaError, SchemaVariables, apply_schema
from k2pipeline.stack import STACKS, StackError, WarehouseAddress, start_stack

DONE: Final = 0
WRONG_INPUT: Final = 2
STACK_DIED: Final = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except (SchemaError, ValueError) as error:
        print(f"k2: {error}", file=sys.stderr)
        return WRONG_INPUT
    except StackError as error:
        print(f"k2: {error}", file=sys.stderr)
        return STACK_DIED


def _up(options: argparse.Namespace) -> int:
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with start_stack(options.stack, workdir=options.data) as stack:
        stack.create_topics([*(exchange.topic for exchange in EXCHANGES.values()), DLQ_TOPIC], options.partitions)
        applied = apply_schema(stack.warehouse, SchemaVariables(kafka_brokers=stack.bootstrap), options.sql)
        warehouse = stack.warehouse
        print(f"schema     {len(applied)} files applied, database {warehouse.database}")
        print(f"broker     {stack.bootstrap}")
        print(f"warehouse  {warehouse.url}, user {warehouse.user}, password {warehouse.password}")
        login = f"{warehouse.user}:{warehouse.password}"
        print(f'try        curl -u {login} "{warehouse.url}" -d "SHOW TABLES FROM {warehouse.database}"')
        print("Ctrl-C stops both.", flush=True)
        over.wait()
    return DONE


def _migrate(options: argparse.Namespace) -> int:
    variables = SchemaVariables(
        kafka_brokers=options.brokers, kafka_group=options.group, flush_interval_ms=options.flush_ms
    )
    applied = apply_schema(_address(options.clickhouse), variables, options.sql)
    print("\n".join(applied) if applied else "nothing to apply: the schema is up to date")
    return DONE


def _address(url: str) -> WarehouseAddress:
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="k2", description="A real-time trade pipeline: exchange frames, Kafka, ClickHouse."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="start a stack, apply the schema, run until Ctrl-C")
    up.set_defaults(command=_up)
    up.add_argument("--stack", choices=sorted(STACKS), default="embedded")
    up.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        default=Path("runs") / "up",
        help="where the stack keeps data and logs",
    )
    up.add_argument("--partitions", type=int, default=4, help="partitions of each topic")
    migrate = commands.add_parser("migrate", help="apply what is new in sql/ to a warehouse")
    migrate.set_defaults(command=_migrate)
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
    migrate.add_argument(
        "--flush-ms",
        type=int,
        default=SchemaVariables.__dataclass_fields__["flush_interval_ms"].default,
        help="longest wait for a block to fill",
    )
    for command in (up, migrate):
        command.add_argument("--sql", metavar="DIR", type=Path, default=DEFAULT_DIRECTORY, help="the schema")
    return parser


if __name__ == "__main__":
    sys.exit(main())
