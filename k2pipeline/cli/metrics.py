"""k2 metrics: Prometheus metrics of a warehouse and its broker, until SIGTERM."""

from __future__ import annotations

import argparse
from typing import Any


def add(commands: Any) -> None:
    metrics = commands.add_parser(
        "metrics",
        help="serve Prometheus metrics of a warehouse and its broker",
        description="Serves Prometheus metrics of a warehouse and its broker, asked for by query at each scrape; "
        "docs/metrics.md lists them. The user needs SELECT on the database and on k2_quality, no more. Prints one JSON "
        "line when it is ready. SIGTERM ends it.",
    )
    metrics.set_defaults(command=run)
    metrics.add_argument("--clickhouse", metavar="URL", help="http://user@host:8123/k2; default K2_CLICKHOUSE_URL")
    metrics.add_argument("--bootstrap", metavar="HOST:PORT", help="the broker; default K2_BOOTSTRAP; without it no lag")
    metrics.add_argument("--group", default="k2", help="prefix of the warehouse's consumer groups")
    metrics.add_argument("--port", type=int, default=9108, help="for Prometheus; 0 is any free one")
    metrics.add_argument("--host", default="127.0.0.1", help="where to listen")


def run(options: argparse.Namespace) -> None:
    import json
    import os
    import signal
    import threading
    from contextlib import closing

    from k2pipeline.broker_security import BOOTSTRAP_VARIABLE, require_usable
    from k2pipeline.cli.exits import WRONG_INPUT, ExitError, exits
    from k2pipeline.exporter.scrape import Exporter
    from k2pipeline.feed.logs import log_to_stderr
    from k2pipeline.feed.metrics import serve_metrics
    from k2pipeline.stack.external import warehouse_address

    log_to_stderr("info")
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with exits({ValueError: WRONG_INPUT}):
        address = warehouse_address(options.clickhouse, os.environ)
        bootstrap = options.bootstrap or os.environ.get(BOOTSTRAP_VARIABLE, "")
        if bootstrap:
            require_usable(bootstrap)
        exporter = Exporter(address, bootstrap, options.group)
    try:
        with closing(exporter), serve_metrics(exporter, options.host, options.port) as port:
            print(
                json.dumps({"metrics": f"http://{options.host}:{port}/metrics", "warehouse": address.url}), flush=True
            )
            over.wait()
    except (OSError, OverflowError) as error:
        raise ExitError(
            WRONG_INPUT, f"metrics cannot be served at {options.host}:{options.port} ({error}); choose another port"
        ) from error
