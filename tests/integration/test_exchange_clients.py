"""Well-known public client libraries take the simulated exchange for the real one."""

from __future__ import annotations

import asyncio
import json
import sys
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.captures import CapturedFrame, read_capture
from harness.synthetic import synthetic
from k2pipeline.exchanges import EXCHANGES, FrameKind
from tests.captures import REPLAYS
from tests.integration.exchange_lab import exchange
from tests.integration.exchange_tls import self_signed

SECOND_NS = 1_000_000_000


async def printed(module: str, *arguments: str) -> list[list[Any]]:
    """The JSON lines that a client prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"tests.integration.{module}", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await asyncio.wait_for(process.communicate(), 180)
    assert process.returncode == 0, errors.decode()
    return [json.loads(line) for line in out.splitlines()]


def decoded(frame: CapturedFrame) -> Any:
    """The frame's JSON with its numbers as they are written."""
    return json.loads(frame.frame, parse_float=str)


@pytest.mark.skipif(find_spec("cryptofeed") is None, reason="cryptofeed is not installed")
def test_cryptofeed_calls_back_with_every_trade(tmp_path: Path) -> None:
    """Kraken v1, and Binance's combined streams by URL, of which it reads aggTrade and no other. It insists on wss."""
    arrays = list(read_capture(REPLAYS / "kraken-v1-1.jsonl.gz"))
    spot = [each for each in read_capture(REPLAYS / "binance-spot-1.jsonl.gz") if b"@trade" in each.frame][:2_000]
    frames = [*arrays, *map(aggregated, spot)]
    certificate = self_signed(tmp_path)
    names = {
        "kraken": sorted({decoded(each)[3] for each in arrays if each.frame.startswith(b"[")}),
        "binance": sorted({decoded(each)["data"]["s"] for each in spot}),
    }
    count = len(spot) + sum(len(decoded(each)[1]) for each in arrays if each.frame.startswith(b"["))

    async def test() -> list[list[Any]]:
        async with exchange(frames, rate="max", tls=certificate) as serving:
            wanted = json.dumps({**names, "count": count})
            client = asyncio.create_task(printed("exchange_cryptofeed", str(serving.port), str(certificate), wanted))
            await serving.until(lambda: len(serving.show.floor.feeding()) == 2, "both feeds are subscribed")
            await serving.play()
            return await client

    told = asyncio.run(test())
    assert [row[1:5] for row in told if row[0] == "KRAKEN"] == [
        [frame[3].replace("/", "-"), "buy" if side == "b" else "sell", str(Decimal(volume)), str(Decimal(price))]
        for captured in frames
        if captured.exchange == "kraken" and isinstance(frame := decoded(captured), list)
        for price, volume, _, side, *_ in frame[1]
    ]
    assert [[Decimal(row[3]), Decimal(row[4]), row[5]] for row in told if row[0] == "BINANCE"] == [
        [Decimal(trade["q"]), Decimal(trade["p"]), str(trade["t"])]
        for trade in (decoded(each)["data"] for each in spot)
    ]


def aggregated(captured: CapturedFrame) -> CapturedFrame:
    """A trade as its aggTrade of one."""
    trade = json.loads(captured.frame)["data"]
    data = {**trade, "e": "aggTrade", "a": trade["t"], "f": trade["t"], "l": trade["t"]}
    del data["t"]
    text = json.dumps({"stream": f"{trade['s'].lower()}@aggTrade", "data": data})
    return CapturedFrame(captured.recv_ns, "binance", text.encode())


@pytest.mark.skipif(find_spec("ccxt") is None, reason="ccxt is not installed")
def test_ccxt_watches_every_trade() -> None:
    """Binance's requests on `/ws`, and Kraken v2."""
    frames = list(synthetic(4 * SECOND_NS, 7, symbols={"binance": ["BTCUSDT"], "kraken": ["BTC/USD"]}))

    async def test() -> list[list[Any]]:
        async with exchange(frames, rate="2x") as serving:
            client = asyncio.create_task(printed("exchange_ccxt", str(serving.port), "150"))
            await serving.until(lambda: len(serving.show.floor.feeding()) == 2, "both are subscribed")
            await serving.play()
            return await client

    told = asyncio.run(test())
    for name, ids in played(frames).items():
        seen = [row[5] for row in told if row[0] == name]
        assert len(seen) >= 150
        assert seen == ids[: len(seen)]


def played(frames: list[CapturedFrame]) -> dict[str, list[str]]:
    """The trade ids of each exchange, in their order."""
    ids: dict[str, list[str]] = {"binance": [], "kraken": []}
    for captured in frames:
        if EXCHANGES[captured.exchange].classify(captured.frame).kind is not FrameKind.TRADE:
            continue
        message = msgspec.json.decode(captured.frame)
        data = message["data"]
        rows = data if isinstance(data, list) else [data]
        ids[captured.exchange] += [str(row.get("t", row.get("trade_id"))) for row in rows]
    return ids
