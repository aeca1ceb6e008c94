"""Looking through a capture before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.captures import CaptureError, CaptureWriter
from harness.survey import describe, survey, survey_for_replay, write_metadata
from k2pipeline.exchanges import FrameKind

SHARED = Path(__file__).parents[4] / "shared" / "captures"
needs_captures = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no recordings at {SHARED}")
BINANCE = b'{"e":"trade","s":"BTCUSDT","t":1}'
KRAKEN = b'[1,[["1","2","3","b","l",""],["1","2","3","b","l",""]],"trade","XBT/USD"]'


def write(path: Path, *frames: tuple[int, str, bytes]) -> Path:
    with CaptureWriter(path) as writer:
        for frame in frames:
            writer.write(*frame)
    return path


def test_a_survey_counts_frames_trades_and_symbols_and_sees_disorder(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.jsonl.gz",
        (30, "binance", BINANCE),
        (10, "kraken", KRAKEN),
        (40, "kraken", KRAKEN),
        (41, "kraken", b'{"channel":"heartbeat"}'),
        (42, "kraken", b"garbage"),
        (42, "binance", b'{"e":"kline","s":"BTCUSDT"}'),
    )
    found = survey(path)
    assert (found.frames, found.trades) == (6, 5)
    assert found.channels == {
        ("binance", FrameKind.TRADE, "trade"): 1,
        ("kraken", FrameKind.TRADE, "trade"): 2,
        ("kraken", FrameKind.CONTROL, "heartbeat"): 1,
        ("kraken", FrameKind.UNKNOWN, "unknown"): 1,
        ("binance", FrameKind.MARKET, "kline"): 1,
    }
    assert found.symbols == {("binance", "BTCUSDT"): 1, ("kraken", "XBT/USD"): 4}
    assert (found.first_recv_ns, found.last_recv_ns, found.is_sorted) == (10, 42, False)
    assert describe(found.channels).startswith("kraken trade 2, binance kline 1, ")


def test_a_sorted_capture_is_seen_as_such(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", *((n // 2, "binance", BINANCE) for n in range(9)))
    assert survey(path).is_sorted


def test_a_capture_without_trades_is_refused_with_the_channels_it_has(tmp_path: Path) -> None:
    good = write(tmp_path / "good.jsonl", (1, "binance", BINANCE))
    quiet = write(
        tmp_path / "quiet.jsonl",
        *((n, "binance", b'{"e":"aggTrade","s":"BTCUSDT"}') for n in range(3)),
        (4, "binance", b'{"result":null,"id":1}'),
    )
    with pytest.raises(CaptureError, match=r"quiet\.jsonl: no trade frame among 4 frames \(binance aggTrade 3"):
        survey_for_replay([good, quiet])
    assert [found.trades for found in survey_for_replay([good])] == [1]


def test_metadata_lies_beside_the_capture_and_is_the_same_each_time(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl.gz", (5, "binance", BINANCE), (9, "kraken", KRAKEN))
    written = write_metadata(path, "made by a test", {"seed": 7})
    assert written == tmp_path / "x.meta.json"
    content = written.read_bytes()
    assert json.loads(content) == {
        "capture": "x.jsonl.gz",
        "sha256": json.loads(content)["sha256"],
        "size_bytes": path.stat().st_size,
        "source": "made by a test",
        "frames": 2,
        "trades": 3,
        "channels": [
            {"exchange": "binance", "kind": "trade", "channel": "trade", "frames": 1},
            {"exchange": "kraken", "kind": "trade", "channel": "trade", "frames": 1},
        ],
        "symbols": [
            {"exchange": "binance", "symbol": "BTCUSDT", "trades": 1},
            {"exchange": "kraken", "symbol": "XBT/USD", "trades": 2},
        ],
        "first_recv_ns": 5,
        "last_recv_ns": 9,
        "is_sorted": True,
        "details": {"seed": 7},
    }
    assert write_metadata(path, "made by a test", {"seed": 7}).read_bytes() == content


REAL = {
    "binance-trade-1": (45_365, 15_863, {"trade": 15_863, "bookTicker": 26_059, "depthUpdate": 3_443}),
    "binance-trade-2": (40_032, 7_889, {"trade": 7_889, "bookTicker": 30_045, "depthUpdate": 2_098}),
    "binance-trade-3": (12, 12, {"trade": 12}),
    "binance-usdmtrade-1": (42_052, 35_389, {"trade": 35_389, "bookTicker": 6_005, "depthUpdate": 658}),
    "binance-aggtrade-1": (4_716, 0, {"aggTrade": 1_910, "depthUpdate": 2_688, "kline": 118}),
    "binance-aggtrade-2": (1_228, 0, {"aggTrade": 24, "depthUpdate": 614, "bookTicker": 570, "kline": 20}),
    "binance-aggtrade-3": (265, 0, {"aggTrade": 2, "depthUpdate": 177, "bookTicker": 84, "kline": 2}),
    "kraken-v1trade-1": (49, 10, {"trade": 8, "heartbeat": 30, "ack": 10, "status": 1}),
    "kraken-v1ticker-1": (60, 0, {"ticker": 18, "heartbeat": 31, "ack": 10, "status": 1}),
    "kraken-v1book-1": (4_321, 0, {"book": 4_279, "heartbeat": 31, "ack": 10, "status": 1}),
    "kraken-v2trade-1": (12, 102, {"trade": 4, "heartbeat": 5, "ack": 2, "status": 1}),
}


@needs_captures
@pytest.mark.parametrize(("name", "expected"), REAL.items(), ids=REAL.keys())
def test_real_recordings_hold_what_their_readme_says(name: str, expected: tuple[int, int, dict[str, int]]) -> None:
    found = survey(SHARED / f"{name}.jsonl.gz")
    channels = {channel: count for (_, _, channel), count in found.channels.items()}
    assert (found.frames, found.trades, channels) == expected
    assert found.is_sorted


@needs_captures
def test_real_symbols_are_the_exchanges_own() -> None:
    assert survey(SHARED / "binance-trade-1.jsonl.gz").symbols == {
        ("binance", "BTCUSDT"): 9_757,
        ("binance", "ETHUSDT"): 6_106,
    }
    assert survey(SHARED / "kraken-v1trade-1.jsonl.gz").symbols == {
        ("kraken", "SC/EUR"): 6,
        ("kraken", "XMR/USD"): 4,
    }
    assert survey(SHARED / "kraken-v2trade-1.jsonl.gz").symbols == {
        ("kraken", "BTC/USD"): 52,
        ("kraken", "ETH/USD"): 50,
    }


@needs_captures
@pytest.mark.parametrize("name", ["kraken-v1ticker-1", "binance-aggtrade-1", "coinbase-match-1", "bybit-trade-1"])
def test_real_recordings_that_cannot_be_replayed_are_refused(name: str) -> None:
    with pytest.raises(CaptureError):
        survey_for_replay([SHARED / f"{name}.jsonl.gz"])
