"""k2 up: a stack with the schema applied, until Ctrl-C."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from k2pipeline.stack import Stack


def add(commands: Any) -> None:
    up = commands.add_parser("up", help="start a stack, apply the schema, run until Ctrl-C")
    up.set_defaults(command=run)
    up.add_argument(
        "--stack", metavar="NAME", default="embedded", help="embedded, kafka, external, or docker (compose)"
    )
    up.add_argument("--small", action="store_true", help="with docker: the limits of a laptop")
    up.add_argument("--metrics-port", metavar="N", type=int, help="serve Prometheus metrics too; 0 is any free port")
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
    if options.stack == "docker":
        _compose(options)
    else:
        _run(options)


def _compose(options: argparse.Namespace) -> None:
    from k2pipeline.cli.exits import STACK_DIED, exits
    from k2pipeline.stack import StackError
    from k2pipeline.stack.compose import up

    with exits({StackError: STACK_DIED}):
        up(small=options.small)


def _run(options: argparse.Namespace) -> None:
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
        variables = SchemaVariables(kafka_brokers=stack.warehouse_bootstrap)
        applied = apply_schema(stack.warehouse, variables, options.sql or DEFAULT_DIRECTORY)
        warehouse = stack.warehouse
        print(f"schema     {len(applied)} files applied, database {warehouse.database}")
        print(f"broker     {stack.bootstrap}")
        print(f"warehouse  {warehouse.url}, user {warehouse.user}, password {warehouse.password}")
        login = f"{warehouse.user}:{warehouse.password}"
        print(f'try        curl -u {login} "{warehouse.url}" -d "SHOW TABLES FROM {warehouse.database}"')
        print(f"feed       k2 feed EXCHANGE --symbols .. --bootstrap {stack.bootstrap}")
        with _metrics(options.metrics_port, stack) as metrics:
            print(f"metrics    {metrics}")
            print("Ctrl-C stops both.", flush=True)
            over.wait()


@contextmanager
def _metrics(port: int | None, stack: Stack) -> Iterator[str]:
    """Serve what `k2 metrics` would, from this process; gives the address."""
    if port is None:
        yield "not served; --metrics-port N serves them"
        return
    from contextlib import closing

    from k2pipeline.exporter.scrape import Exporter
    from k2pipeline.feed.metrics import serve_metrics

    with (
        closing(Exporter(stack.warehouse, stack.bootstrap)) as exporter,
        serve_metrics(exporter, "127.0.0.1", port) as chosen,
    ):
        yield f"http://127.0.0.1:{chosen}/metrics"
