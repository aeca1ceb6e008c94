"""The process behind `k2 feed`: from the configuration to an exit in order."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from k2pipeline.exchanges import DLQ_TOPIC
from k2pipeline.feed.config import ConfigError, FeedConfig, Target
from k2pipeline.feed.handler import Handler
from k2pipeline.feed.logs import EventLog
from k2pipeline.feed.metrics import FeedCollector, serve_metrics
from k2pipeline.feed.outlet import Outlet, OutletError
from k2pipeline.feed.relay import Relay
from k2pipeline.feed.stats import Stats
from k2pipeline.feed.stop import StopSignals
from k2pipeline.feed.valve import Valve

_log = EventLog("k2.feed")


def feed(target: Target, config: FeedConfig) -> None:
    """Relay until SIGTERM or SIGINT, then until the broker has everything.

    Raises OutletError when the broker does not answer, refuses or is left without some of the frames, UnreadError
    when frames of the exchange could not even be read, and SymbolsRefusedError when the exchange refuses any symbol
    to begin with. A second signal does not wait for the broker any longer.
    """
    stats = Stats(last_trade_ns=dict.fromkeys(target.symbols, 0))
    outlet = Outlet(config.bootstrap, config.limits, stats, config.producer)
    valve = Valve(stats, time.time_ns)
    relay = Relay(target.exchange, outlet, valve, stats)
    with StopSignals() as stop, ExitStack() as metrics:
        outlet.open([target.exchange.topic, DLQ_TOPIC], lambda: stop.is_set)
        port = None
        if config.metrics_port is not None:
            collector = FeedCollector(target.exchange.name, stats, lambda: outlet.queue_messages, time.time_ns)
            port = metrics.enter_context(_served(collector, config.metrics_host, config.metrics_port))

        def serve() -> None:
            relay.serve()
            if outlet.failure is not None:
                raise outlet.failure

        handler = Handler(target, config.limits, stats, stop, lambda: print_ready(target, port))
        try:
            asyncio.run(handler.run(relay, valve, serve))
        finally:
            left = outlet.close(stop.left_s(config.limits.flush_s), lambda: stop.is_impatient)
            if left:
                _log.error("frames received and not acknowledged by the broker", frames=left)
    if left:
        raise OutletError(
            f"{left:,} frames were received that the broker at {config.bootstrap} did not acknowledge within "
            f"{config.limits.flush_s:g} s; what the exchange does not send again is missing"
        )
    if outlet.given_up:
        raise OutletError(
            f"{outlet.given_up:,} frames were larger than the broker at {config.bootstrap} takes and were given up, as "
            "the log says of each; raise max.message.bytes of the topic, and what the broker and [producer] allow"
        )
    _log.info("stopped", exchange=target.exchange.name, frames=sum(stats.frames.values()))


@contextmanager
def _served(collector: FeedCollector, host: str, port: int) -> Iterator[int]:
    with ExitStack() as served:
        try:
            found = served.enter_context(serve_metrics(collector, host, port))
        except (OSError, OverflowError) as error:
            raise ConfigError(f"metrics cannot be served at {host}:{port} ({error}); choose another port") from error
        yield found


def print_ready(target: Target, metrics_port: int | None, **more: object) -> None:
    """One line on stdout, for whoever started the process."""
    ready = {
        "ready": True,
        "exchange": target.exchange.name,
        "symbols": target.symbols,
        "metrics_port": metrics_port,
        "pid": os.getpid(),
        **more,
    }
    print(json.dumps(ready, ensure_ascii=False), flush=True)
