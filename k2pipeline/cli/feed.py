"""k2 feed: relays an exchange's trade frames into its topic, unchanged, until SIGTERM."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from k2pipeline.cli.exits import STACK_DIED, WRONG_INPUT, ExitError, exits
from k2pipeline.exchanges import EXCHANGES

if TYPE_CHECKING:
    from k2pipeline.feed.config import FeedConfig, Target

LOG_LEVELS = ("debug", "info", "warning", "error")


def add(commands: Any) -> None:
    feed = commands.add_parser(
        "feed",
        help="relay an exchange's trades into its topic",
        description="Relays an exchange's trade frames into its topic, unchanged. Prints one JSON line when every "
        "symbol is subscribed; logs JSON lines on stderr. SIGTERM flushes and ends it. Two may run side by side.",
        epilog="exit codes: 0 stopped, and the broker has every frame; 2 the command, its configuration or a symbol "
        "is wrong; 3 the broker cannot be reached, refused a frame (one too large for it shows at the end, the others "
        "go on) or took nothing for so long that frames were left unread. An exchange that is away is waited for.",
    )
    feed.set_defaults(command=run)
    feed.add_argument("--bootstrap", metavar="HOST:PORT", help="the broker")
    feed.add_argument("--metrics-port", metavar="N", type=int, help="for Prometheus; 0 is any free port")
    feed.add_argument("--metrics-host", metavar="HOST", help="127.0.0.1 if not given")
    add_exchange(feed)


def add_exchange(parser: argparse.ArgumentParser) -> None:
    """What `k2 feed` and `k2 record` have in common."""
    parser.add_argument("exchange", choices=sorted(EXCHANGES))
    parser.add_argument("--symbols", metavar="A,B", help="as the exchange writes them: BTCUSDT,ETHUSDT or BTC/USD")
    parser.add_argument("--config", metavar="FILE", type=Path, help="TOML; flags override it")
    parser.add_argument("--url", help="where the exchange is, in place of its own address")
    parser.add_argument("--log-level", choices=LOG_LEVELS)


def configured(options: argparse.Namespace) -> tuple[FeedConfig, Target]:
    """The configuration with the flags over it, and what to subscribe. Sets up the log. Raises ConfigError."""
    from k2pipeline.feed.config import ExchangeConfig, read_config, target
    from k2pipeline.feed.logs import log_to_stderr

    config = read_config(options.config)
    log_to_stderr(options.log_level or config.log_level)
    there = config.exchanges.get(options.exchange, ExchangeConfig())
    flags = [symbol.strip() for symbol in (options.symbols or "").split(",") if symbol.strip()]
    return config, target(EXCHANGES[options.exchange], flags or there.symbols, options.url or there.url)


def run(options: argparse.Namespace) -> None:
    from k2pipeline.broker_security import require_usable
    from k2pipeline.feed.config import ConfigError
    from k2pipeline.feed.handler import UnreadError
    from k2pipeline.feed.outlet import OutletError
    from k2pipeline.feed.process import feed
    from k2pipeline.feed.session import SymbolsRefusedError
    from k2pipeline.settings_error import SettingsError

    wrong = (SettingsError, ConfigError, SymbolsRefusedError)
    with exits({**dict.fromkeys(wrong, WRONG_INPUT), OutletError: STACK_DIED, UnreadError: STACK_DIED}):
        config, wanted = configured(options)
        flags = {name: getattr(options, name) for name in ("bootstrap", "metrics_host", "metrics_port")}
        config = msgspec.structs.replace(config, **{name: flag for name, flag in flags.items() if flag is not None})
        if not config.bootstrap:
            raise ExitError(WRONG_INPUT, "no broker; give --bootstrap HOST:PORT, or bootstrap in the configuration")
        require_usable(config.bootstrap)
        feed(wanted, config)
