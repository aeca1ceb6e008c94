"""`k2 feed` at a simulated exchange that misbehaves as real ones do: what it does, and that nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.captures import CapturedFrame, CaptureWriter
from harness.synthetic import parse_duration, synthetic
from k2pipeline.exchanges import EXCHANGES, FrameKind
from tests.e2e.feed_rig import PAIRS, SPOT, Feeds, pair_trade, simulated, values
from tests.e2e.rig import wait_for

pytestmark = pytest.mark.e2e
SPOT_EXCHANGE = EXCHANGES["binance"]


def captured(path: Path, frames: list[CapturedFrame]) -> Path:
    with CaptureWriter(path) as writer:
        for frame in frames:
            writer.write(frame.recv_ns, frame.exchange, frame.frame)
    return path


def spot_trades(duration: str) -> tuple[list[CapturedFrame], list[str]]:
    """Trade frames of one exchange, and their symbols."""
    frames = [
        frame
        for frame in synthetic(parse_duration(duration), 5, rates={"binance": 300})
        if SPOT_EXCHANGE.classify(frame.frame).kind is FrameKind.TRADE
    ]
    return frames, sorted({SPOT_EXCHANGE.classify(frame.frame).symbol for frame in frames})


def ids(frames: list[bytes]) -> set[tuple[str, int]]:
    messages = [json.loads(frame) for frame in frames]
    return {(data["s"], data["t"]) for data in (message.get("data", message) for message in messages)}


def test_a_handler_that_asks_too_fast_backs_off_and_gets_every_symbol(feeds: Feeds, tmp_path: Path) -> None:
    """250 symbols are three requests, of which one a second is granted; nothing is asked on another connection."""
    symbols = [f"S{number}/USD" for number in range(250)]
    frames = [CapturedFrame(number, "kraken", pair_trade(1, symbol)) for number, symbol in enumerate(symbols)]
    capture = captured(tmp_path / "played.jsonl", frames)
    with simulated("--capture", capture, "--rate", "max", "--requests-per-s", "1") as url:
        feed = feeds.start(f"{url}/v2", "--symbols", ",".join(symbols), name="kraken", backoff_base_s=0.5)
        feed.ready()
        busy = feed.said("exchange is busy, asking again")
        assert {line["reason"] for line in busy} == {"Exceeded msg rate"}
        (subscribed,) = feed.said("subscribed")
        assert subscribed["symbols"] == 250
        reader = feeds.topic(PAIRS)

        def symbols_seen() -> set[str]:
            return {(message.key() or b"").decode() for message in reader.now()}

        # The play began with the first subscription: those that came later get their trade by the snapshot.
        wait_for(lambda: symbols_seen() == set(symbols), "a trade of every symbol")
        assert feed.said("symbol refused, going on without it") == []
        assert feed.said("connection ended") == feed.said("no connection") == []
        assert feed.stop() == 0


def test_a_half_open_connection_is_noticed_and_costs_nothing(feeds: Feeds, tmp_path: Path) -> None:
    frames, symbols = spot_trades("5s")
    capture = captured(tmp_path / "played.jsonl", frames)
    with simulated("--capture", capture, "--rate", "1x", "--fault", "half_open=2") as url:
        feed = feeds.start(url, "--symbols", ",".join(symbols), idle_s=0.5, pong_s=2, backoff_base_s=0.01)
        feed.ready()
        reader, sent = feeds.topic(SPOT), ids([frame.frame for frame in frames])
        wait_for(lambda: ids(values(reader.now())) == sent, "every trade", limit_s=40)
        wait_for(lambda: len(feed.said("connection ended")) == 2, "both noticed")
        assert {line["cause"] for line in feed.said("connection ended")} == {"silent"}
        assert feed.stop() == 0


def test_the_daily_cut_is_never_met_and_no_trade_is_missed(feeds: Feeds, tmp_path: Path) -> None:
    """A day of six seconds: the handler replaces each connection in the first two."""
    frames, symbols = spot_trades("9s")
    capture = captured(tmp_path / "played.jsonl", frames)
    with simulated("--capture", capture, "--rate", "1x", "--lifetime-s", "6") as url:
        feed = feeds.start(
            url, "--symbols", ",".join(symbols), lifetime_s=6, lifetime_margin_s=4, overlap_s=0.3, stable_s=0.2
        )
        feed.ready()
        reader, sent = feeds.topic(SPOT), ids([frame.frame for frame in frames])
        wait_for(lambda: ids(values(reader.now())) == sent, "every trade", limit_s=40)
        assert len(feed.said("replacing connection")) >= 3
        assert feed.said("connection ended") == feed.said("trade ids missing") == []
        assert feed.stop() == 0


def test_a_handler_that_does_not_expect_the_cut_is_back_at_once(feeds: Feeds, tmp_path: Path) -> None:
    frames, symbols = spot_trades("5s")
    capture = captured(tmp_path / "played.jsonl", frames)
    with simulated("--capture", capture, "--rate", "1x", "--lifetime-s", "2") as url:
        feed = feeds.start(url, "--symbols", ",".join(symbols), stable_s=0.2)
        feed.ready()
        wait_for(lambda: len(feed.said("subscribed")) >= 3, "two cuts")
        for line in feed.said("connection ended"):
            assert (line["cause"], line["next_in_s"]) == ("clean", 0)
            assert "code 1001" in line["detail"]
        assert feed.stop() == 0
