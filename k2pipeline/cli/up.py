"""k2 up: a stack with the schema applied, until Ctrl-C."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import threading

    from k2pipeline.stack import Stack

_LOOK_S: Final = 1.0
_PARTITIONS: Final = 4
_DATA: Final = Path("runs") / "up"
_NOT_WITH_DOCKER: Final = {
    "metrics_port": "compose runs k2-metrics",
    "data": "its data is in volumes",
    "partitions": "they are in docker-compose.yml",
    "sql": "its image has the schema of this checkout",
}


def add(commands: Any) -> None:
    up = commands.add_parser("up", help="start a stack, apply the schema, run until Ctrl-C")
    up.set_defaults(command=run)
    up.add_argument(
        "--stack", metavar="NAME", default="embedded", help="embedded, kafka, external, or docker (compose)"
    )
    up.add_argument("--small", action="store_true", help="with docker: the limits of a laptop")
    up.add_argument("--metrics-port", metavar="N", type=int, help="serve Prometheus metrics too; 0 is any free port")
    up.add_argument("--data", metavar="DIR", type=Path, help=f"where the stack keeps data and logs (default {_DATA})")
    up.add_argument("--partitions", metavar="N", type=int, help=f"partitions of each topic (default {_PARTITIONS})")
    up.add_argument("--sql", metavar="DIR", type=Path, help="the schema, in place of the one that ships")


def run(options: argparse.Namespace) -> None:
    if options.stack == "docker":
        _compose(options)
    else:
        _run(options)


def _compose(options: argparse.Namespace) -> None:
    from k2pipeline.cli.exits import STACK_DIED, WRONG_INPUT, ExitError, exits
    from k2pipeline.stack import StackError
    from k2pipeline.stack.compose import up

    for name, why in _NOT_WITH_DOCKER.items():
        if getattr(options, name) is not None:
            flag = f"--{name.replace('_', '-')}"
            raise ExitError(WRONG_INPUT, f"{flag} has no use with --stack docker: {why}; leave it out")
    with exits({StackError: STACK_DIED}):
        up(small=options.small)


def _run(options: argparse.Namespace) -> None:
    import signal
    import threading

    from k2pipeline.cli.exits import STACK_DIED, WRONG_INPUT, ExitError, exits
    from k2pipeline.exchanges import TOPICS
    from k2pipeline.schema import DEFAULT_DIRECTORY, SchemaError, SchemaVariables, apply_schema
    from k2pipeline.stack import StackError, start_stack

    if options.small:
        raise ExitError(WRONG_INPUT, f"--small has no use with --stack {options.stack}, only with docker; leave it out")
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with (
        exits({StackError: STACK_DIED, SchemaError: WRONG_INPUT, ValueError: WRONG_INPUT}),
        start_stack(options.stack, workdir=options.data or _DATA) as stack,
    ):
        stack.create_topics(TOPICS, _PARTITIONS if options.partitions is None else options.partitions)
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
            _watch(stack, over)


def _watch(stack: Stack, over: threading.Event) -> None:
    """Return when it is over. Raises StackError when a process that is ours died before."""
    is_ours = bool(stack.processes)
    while not over.wait(_LOOK_S):
        if is_ours:
            stack.require_alive()


@contextmanager
def _metrics(port: int | None, stack: Stack) -> Iterator[str]:
    """Serve what `k2 metrics` would, from this process; gives the address."""
    if port is None:
        yield "not served; --metrics-port N serves them"
        return
    from contextlib import closing

    from k2pipeline.cli.exits import WRONG_INPUT, ExitError
    from k2pipeline.exporter.scrape import Exporter
    from k2pipeline.feed.metrics import serve_metrics

    with ExitStack() as served:
        exporter = served.enter_context(closing(Exporter(stack.warehouse, stack.bootstrap)))
        try:
            chosen = served.enter_context(serve_metrics(exporter, "127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise ExitError(
                WRONG_INPUT, f"metrics cannot be served at 127.0.0.1:{port} ({error}); choose another port"
            ) from error
        yield f"http://127.0.0.1:{chosen}/metrics"
