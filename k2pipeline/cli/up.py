"""k2 up: a stack with the schema applied, until Ctrl-C."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    up = commands.add_parser("up", help="start a stack, apply the schema, run until Ctrl-C")
    up.set_defaults(command=run)
    up.add_argument("--stack", metavar="NAME", default="embedded", help="embedded or external")
    up.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        default=Path("runs") / "up",
        help="where the stack keeps data and logs",
    )
    up.add_argument("--partitions", type=int, default=4, help="partitions of each topic")
    up.add_argument("--sql", metavar="DIR", type=Path, help="the schema, in place of the one that ships")


def run(options: argparse.Namespace) -> None:
    import signal
    import threading

    from k2pipeline.cli.exits import STACK_DIED, WRONG_INPUT, exits
    from k2pipeline.exchanges import DLQ_TOPIC, EXCHANGES
    from k2pipeline.schema import DEFAULT_DIRECTORY, SchemaError, SchemaVariables, apply_schema
    from k2pipeline.stack import StackError, start_stack

    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with (
        exits({StackError: STACK_DIED, SchemaError: WRONG_INPUT, ValueError: WRONG_INPUT}),
        start_stack(options.stack, workdir=options.data) as stack,
    ):
        stack.create_topics([*(exchange.topic for exchange in EXCHANGES.values()), DLQ_TOPIC], options.partitions)
        variables = SchemaVariables(kafka_brokers=stack.bootstrap)
        applied = apply_schema(stack.warehouse, variables, options.sql or DEFAULT_DIRECTORY)
        warehouse = stack.warehouse
        print(f"schema     {len(applied)} files applied, database {warehouse.database}")
        print(f"broker     {stack.bootstrap}")
        print(f"warehouse  {warehouse.url}, user {warehouse.user}, password {warehouse.password}")
        login = f"{warehouse.user}:{warehouse.password}"
        print(f'try        curl -u {login} "{warehouse.url}" -d "SHOW TABLES FROM {warehouse.database}"')
        print(f"feed       k2 feed EXCHANGE --symbols .. --bootstrap {stack.bootstrap}")
        print("Ctrl-C stops both.", flush=True)
        over.wait()
