"""What may stand in a configuration, and what is said about the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from k2pipeline.exchanges import EXCHANGES
from k2pipeline.feed.config import ConfigError, ExchangeConfig, FeedConfig, read_config, target
from k2pipeline.feed.limits import Limits

SPOT, PAIRS = EXCHANGES["binance"], EXCHANGES["kraken"]


def config(directory: Path, text: str) -> FeedConfig:
    path = directory / "feed.toml"
    path.write_text(text, encoding="utf-8")
    return read_config(path)


def test_everything_may_be_left_out(tmp_path: Path) -> None:
    assert config(tmp_path, "") == read_config(None) == FeedConfig()


def test_everything_may_be_given(tmp_path: Path) -> None:
    text = """
        bootstrap = "broker:9092"
        metrics_host = "0.0.0.0"
        metrics_port = 9101
        log_level = "debug"
        [exchanges.binance]
        symbols = ["BTCUSDT", "ETHUSDT"]
        url = "ws://127.0.0.1:9001"
        [exchanges.kraken]
        symbols = ["BTC/USD"]
        [limits]
        overlap_s = 0.5
        queue_high_messages = 1000
        queue_low_messages = 10
        [producer]
        "linger.ms" = 20
        "compression.type" = "lz4"
    """
    assert config(tmp_path, text) == FeedConfig(
        bootstrap="broker:9092",
        metrics_host="0.0.0.0",  # noqa: S104  (what the file says)
        metrics_port=9101,
        log_level="debug",
        exchanges={
            "binance": ExchangeConfig(("BTCUSDT", "ETHUSDT"), "ws://127.0.0.1:9001"),
            "kraken": ExchangeConfig(("BTC/USD",)),
        },
        limits=Limits(overlap_s=0.5, queue_high_messages=1000, queue_low_messages=10),
        producer={"linger.ms": 20, "compression.type": "lz4"},
    )


WRONG = {
    "no TOML": ("bootstrap = ", "Invalid value"),
    "unknown key": ('bootstrp = "x"', "unknown field `bootstrp`"),
    "wrong type": ("metrics_port = 'x'", "metrics_port"),
    "unknown limit": ("[limits]\noverlap = 1", "unknown field `overlap`"),
    "negative limit": ("[limits]\nflush_s = -1", "flush_s = -1.0 is negative"),
    "low above high": ("[limits]\nqueue_low_messages = 60_000", "has to be below queue_high_messages = 50000"),
    "unquoted setting": ("[producer]\nlinger.ms = 20", "producer"),
    "unknown exchange": ("[exchanges.mtgox]", "no exchange is called 'mtgox'; there are: binance, kraken"),
    "unknown level": ('log_level = "loud"', "log_level"),
}


@pytest.mark.parametrize(("text", "why"), WRONG.values(), ids=WRONG.keys())
def test_what_does_not_belong_there_is_named_with_its_file(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config(tmp_path, text)
    assert str(raised.value).startswith(f"{tmp_path / 'feed.toml'}: ")
    assert why in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read \(No such file or directory\)"):
        read_config(tmp_path / "none.toml")


def test_symbols_are_divided_into_connections_and_each_is_asked_for_once() -> None:
    symbols = [f"S{number}" for number in range(2_050)]
    wanted = target(SPOT, [*symbols, "S7"], "")
    assert [len(each) for each in wanted.connections] == [1_024, 1_024, 2]
    assert wanted.symbols == symbols
    assert wanted.url == "wss://stream.binance.com:9443/stream"


def test_an_address_replaces_the_exchanges_own() -> None:
    assert target(SPOT, ["BTCUSDT"], "ws://127.0.0.1:9001").url == "ws://127.0.0.1:9001/stream"
    assert target(PAIRS, ["BTC/USD"], "ws://127.0.0.1:9001/v2").url == "ws://127.0.0.1:9001/v2"


@pytest.mark.parametrize(
    ("symbols", "url", "why"),
    [
        ([], "", r"binance: no symbols; give --symbols, or symbols in \[exchanges\.binance\]"),
        (["btcusdt"], "", "binance: 'btcusdt' is no symbol: a symbol is capital letters and digits, such as BTCUSDT"),
        (["BTCUSDT"], "http://127.0.0.1", "binance: --url 'http://127.0.0.1' is no WebSocket address"),
        (["BTCUSDT"], "127.0.0.1:9001", "is no WebSocket address; write one like wss://"),
        (["BTCUSDT"], "ws://:9001", "is no WebSocket address"),
        (["BTCUSDT"], "ws://[::1", "is no WebSocket address"),
    ],
)
def test_what_cannot_be_subscribed_is_refused(symbols: list[str], url: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        target(SPOT, symbols, url)
