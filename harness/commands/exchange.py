"""k2-harness exchange: be the exchanges, and play captures or synthetic trades to any WebSocket client.

Prints one JSON line when it listens, with its addresses, and one about what was played when that is over.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import ssl
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from harness.exchange.dialect import Limits
from harness.exchange.script import not_ours
from harness.exchange.sent import NoRecord, SentLog
from harness.exchange.server import BUFFER_BYTES
from harness.exchange.show import Show, programme
from harness.exchange.source import Source, generated, recorded
from harness.faults import TRANSPORT_NAMES, FaultSpec, parse_fault
from harness.faults.transport import make_faults
from harness.flags import add_fault_flag, add_id_jumps_flag
from harness.pace import parse_rate
from harness.replay import interruptible
from harness.scenario import ScenarioError, check_source
from harness.synthetic import parse_duration

HELP: Final = "be the exchanges: play captures or synthetic trades to any WebSocket client"
DONE: Final = 0
_POLL_S: Final = 0.05
_LIMITS: Final = {
    "ping_every_s": "a ping to each client",
    "pong_within_s": "a client that does not answer one is cut off",
    "lifetime_s": "every connection is closed after it",
    "messages_per_s": "a client that sends more is cut off, where the exchange does so",
    "requests_per_s": "what a client sends above it is refused, where the exchange does so",
    "attempts_per_5_min": "an address that opens more connections is refused",
    "heartbeat_s": "between heartbeats",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags: what to play, how, and where."""
    source = parser.add_argument_group("what to play")
    source.add_argument("--capture", metavar="FILE", type=Path, action="append", default=[], help="may be repeated")
    source.add_argument("--synthetic", metavar="DURATION", help="generated trades instead: 90s, 10m, 1h")
    source.add_argument("--symbols", metavar="N", type=int, help="symbols of each exchange in synthetic trades")
    add_id_jumps_flag(source)
    source.add_argument("--seed", type=int, default=1, help="of synthetic trades, faults and choices")
    how = parser.add_argument_group("how")
    how.add_argument("--rate", metavar="N|Nx|max", default="1x", help="trades/s, times the recorded speed, or max")
    how.add_argument(
        "--start",
        choices=("subscribed", "now"),
        default="subscribed",
        help="begin with the first subscription (default), or at once",
    )
    how.add_argument("--leave", action="store_true", help="end when everything has been played")
    how.add_argument(
        "--slow",
        choices=("drop", "stall"),
        default="drop",
        help="a client that does not read is cut off (default), or everybody waits for it",
    )
    how.add_argument("--buffer-bytes", metavar="N", type=int, default=BUFFER_BYTES, help="queued for a client at most")
    add_fault_flag(parser, how, "disconnect=20")
    limits = parser.add_argument_group("limits (defaults: the exchanges' own)")
    for name, text in _LIMITS.items():
        default = getattr(Limits(), name)
        limits.add_argument(f"--{name.replace('_', '-')}", metavar="N", type=type(default), default=default, help=text)
    where = parser.add_argument_group("where")
    where.add_argument("--host", default="127.0.0.1")
    where.add_argument("--port", type=int, required=True, help="0: any free one, named in the first line")
    where.add_argument("--certificate", metavar="FILE", type=Path, help="serve wss:// with this (PEM, key included)")
    where.add_argument(
        "--record", metavar="FILE", type=Path, help="write down every frame handed to a client (Parquet)"
    )


def run(options: argparse.Namespace) -> int:
    """Serve until everything has been played (--leave) or until Ctrl-C."""
    check_source("an exchange", options.capture, options.synthetic, options.symbols, options.id_jumps)
    planned = programme(
        recorded(options.capture) if options.capture else _generated(options),
        parse_rate(options.rate),
        _faults(options.fault),
        options.seed,
        Limits(**{name: getattr(options, name) for name in _LIMITS}),
    )
    with interruptible() as interruption, ExitStack() as stack:
        record = stack.enter_context(SentLog(options.record)) if options.record else NoRecord()
        show = Show(
            planned,
            record,
            is_interrupted=interruption.is_requested,
            buffer_bytes=options.buffer_bytes,
            drops_slow=options.slow == "drop",
        )
        asyncio.run(_serve(options, show, interruption.is_requested))
    return DONE


async def _serve(options: argparse.Namespace, show: Show, is_over: Callable[[], bool]) -> None:
    tls = _tls(options.certificate) if options.certificate else None
    try:
        async with show.server.listening(options.host, options.port, tls) as port:
            base = f"{'wss' if tls else 'ws'}://{options.host}:{port}"
            urls = {dialect.name: base + dialect.example for dialect in show.floor.dialects}
            print(json.dumps({"ready": True, "port": port, "urls": urls, "pid": os.getpid()}), flush=True)
            await _until(lambda: is_over() or options.start == "now" or bool(show.floor.feeding()))
            await show.play()
            show.check_effect()
            stats = show.stats(Path())
            played = {"frames": stats.frames_sent, "trades": stats.trades_sent, "faults": dict(stats.faults)}
            print(json.dumps({"played": played}), flush=True)
            await _until(lambda: is_over() or options.leave)
    except OSError as error:
        raise ScenarioError(
            f"{options.host}:{options.port} cannot be listened on ({error.strerror}); give another --port, or 0"
        ) from error


def _tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate)
    except OSError as error:  # of which SSLError is one
        raise ScenarioError(f"{certificate}: no certificate with its key in PEM format ({error})") from error
    return context


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # Ctrl-C sets a flag, which wakes nobody
        await asyncio.sleep(_POLL_S)


def _faults(texts: Sequence[str]) -> list[FaultSpec]:
    """Raises FaultError, also for one that needs to know its clients: here they are somebody else's."""
    specs = [parse_fault(text) for text in texts]
    for fault in make_faults([spec for spec in specs if spec.name in TRANSPORT_NAMES], 0):
        if fault.needs_our_clients:
            raise not_ours(fault.spec, "whoever connects")
    return specs


def _generated(options: argparse.Namespace) -> Source:
    try:
        return generated(parse_duration(options.synthetic), options.seed, options.symbols, options.id_jumps or 0)
    except ValueError as error:
        raise ScenarioError(str(error)) from error
