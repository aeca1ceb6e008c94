"""What a feed handler is told: by flags, over a TOML file, over what the exchange's own module says.

bootstrap = "127.0.0.1:9092"
metrics_port = 9101              # metrics_host = "0.0.0.0" where Prometheus is elsewhere
log_level = "info"

[exchanges.binance]
symbols = ["BTCUSDT", "ETHUSDT"]
# url = "wss://.."               # in place of the exchange's own

[limits]                         # see limits.py
overlap_s = 10

[producer]                       # librdkafka's settings, over ours
"compression.type" = "lz4"
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from k2pipeline.exchanges import EXCHANGES, Exchange
from k2pipeline.feed.limits import Limits

Setting = bool | int | float | str


class ConfigError(ValueError):
    """A configuration that cannot work; the message names the place and the next step."""


class ExchangeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    symbols: tuple[str, ...] = ()
    url: str = ""


class FeedConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file. Everything in it may be left out."""

    bootstrap: str = ""
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    exchanges: dict[str, ExchangeConfig] = {}
    limits: Limits = Limits()
    producer: dict[str, Setting] = {}


class Target(msgspec.Struct, frozen=True):
    """What to subscribe, and where. `connections` are the symbols of each connection."""

    exchange: Exchange
    url: str
    connections: tuple[tuple[str, ...], ...]

    @property
    def symbols(self) -> list[str]:
        return [symbol for symbols in self.connections for symbol in symbols]


def read_config(path: Path | None) -> FeedConfig:
    """Raises ConfigError. Without a path, all defaults."""
    if path is None:
        return FeedConfig()
    try:
        config = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), FeedConfig)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path}: {error}; k2pipeline/feed/config.py shows what belongs there") from error
    strangers = sorted(config.exchanges.keys() - EXCHANGES.keys())
    if strangers:
        raise ConfigError(f"{path}: no exchange is called {strangers[0]!r}; there are: {', '.join(EXCHANGES)}")
    return config


def target(exchange: Exchange, symbols: Sequence[str], url: str) -> Target:
    """Check symbols and address, and divide the symbols into connections. Raises ConfigError."""
    wire = exchange.wire
    wanted = tuple(dict.fromkeys(symbols))
    if not wanted:
        raise ConfigError(f"{exchange.name}: no symbols; give --symbols, or symbols in [exchanges.{exchange.name}]")
    for symbol in wanted:
        if fault := wire.symbol_fault(symbol):
            raise ConfigError(f"{exchange.name}: {symbol!r} is no symbol: {fault}")
    address = _address(exchange, url)
    size = wire.symbols_per_connection
    return Target(exchange, address, tuple(wanted[at : at + size] for at in range(0, len(wanted), size)))


def _address(exchange: Exchange, url: str) -> str:
    try:
        address = exchange.wire.address(url or exchange.wire.url)
        parts = urlsplit(address)
        if parts.scheme in ("ws", "wss") and parts.hostname and parts.port != 0:
            return address
    except ValueError:  # half an IPv6 address, a port that is no number
        pass
    raise ConfigError(f"{exchange.name}: --url {url!r} is no WebSocket address; write one like {exchange.wire.url}")
