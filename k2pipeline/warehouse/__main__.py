"""Start the embedded warehouse: `python -m k2pipeline.warehouse --data DIR --port N`."""

from __future__ import annotations

import argparse
import logging
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PASSWORD_VARIABLE = "K2_WAREHOUSE_PASSWORD"  # noqa: S105  (a name, no password)
_OPEN_FILES = 10_240
_WRONG_INPUT, _COULD_NOT_START = 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 stopped by a signal; 2 the command is wrong; 3 the warehouse could not start."""
    options = _parser().parse_args(arguments)
    password = os.environ.get(PASSWORD_VARIABLE, "")
    if not password:
        print(f"{PASSWORD_VARIABLE} is not set; it is the password of the user `default`", file=sys.stderr)
        return _WRONG_INPUT
    # The engine reads the time zone once, when it starts, and all times in the warehouse are UTC.
    os.environ["TZ"] = "UTC"
    time.tzset()
    _allow_many_files()
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("k2").setLevel(logging.INFO)
    return _serve(options, password)


def _allow_many_files() -> None:
    """Each of the engine's threads holds three files open, and the usual soft limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _serve(options: argparse.Namespace, password: str) -> int:
    from k2pipeline.warehouse.engine import Engine
    from k2pipeline.warehouse.errors import WarehouseError
    from k2pipeline.warehouse.http.kafka_support import KafkaSupport
    from k2pipeline.warehouse.http.query_endpoint import Timeouts
    from k2pipeline.warehouse.kafka.tables import KafkaTables
    from k2pipeline.warehouse.server import ServerConfig, serve

    def kafka_for(engine: Engine) -> KafkaSupport:
        return KafkaTables(connect=engine.connect)

    timeouts = Timeouts(receive_s=options.receive_timeout, send_s=options.send_timeout)
    config = ServerConfig(options.data, options.port, password, options.max_queries, options.queue_timeout, timeouts)
    try:
        serve(config, kafka_for, lambda line: print(line, flush=True))
    except (WarehouseError, OSError, ValueError) as error:
        print(f"the warehouse on {options.data} could not start: {error}", file=sys.stderr)
        return _COULD_NOT_START
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m k2pipeline.warehouse", description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the data; made if absent")
    parser.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1; 0 for any free one")
    parser.add_argument("--max-queries", type=_positive, default=64, help="statements that may run at once")
    parser.add_argument("--queue-timeout", type=float, default=30.0, help="seconds that one waits for its turn")
    parser.add_argument("--receive-timeout", type=float, default=60.0, help="seconds a client may be silent")
    parser.add_argument("--send-timeout", type=float, default=300.0, help="seconds to take a piece of an answer")
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is no port; give 0 to 65535")
    return port


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
