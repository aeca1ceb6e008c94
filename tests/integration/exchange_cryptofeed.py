"""cryptofeed as a client of a simulated exchange: `python -m tests.integration.exchange_cryptofeed PORT CA WANTED`.

WANTED is JSON: `{"kraken": [pairs], "binance": [symbols], "count": trades}`. Prints each trade that it calls back
with as a JSON line, and ends after so many, or after a while. A program of its own, because its FeedHandler puts in
another event loop for the whole process.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from typing import Any

from cryptofeed import FeedHandler
from cryptofeed.connection import WebsocketEndpoint
from cryptofeed.defines import BINANCE, KRAKEN, TRADES
from cryptofeed.exchanges import Binance, Kraken
from cryptofeed.symbols import Symbols

LIMIT_S = 120.0


def main(port: str, certificate: str, wanted: str) -> None:
    names = json.loads(wanted)
    endpoint = WebsocketEndpoint(
        f"wss://127.0.0.1:{port}", options={"ssl": ssl.create_default_context(cafile=certificate)}
    )
    # What it would ask the exchanges' REST interfaces for.
    pairs = {pair.replace("/", "-"): pair for pair in names["kraken"]}
    spot = {f"{symbol.removesuffix('USDT')}-USDT": symbol for symbol in names["binance"]}
    Symbols.set(KRAKEN, pairs, {})
    Symbols.set(BINANCE, spot, {})
    feeds = {
        type("SimulatedKraken", (Kraken,), {"websocket_endpoints": [endpoint]}): list(pairs),
        type("SimulatedBinance", (Binance,), {"websocket_endpoints": [endpoint]}): list(spot),
    }
    handler = FeedHandler({"log": {"disabled": True}})
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    left = names["count"]

    async def show(trade: Any, _: float) -> None:
        nonlocal left
        told = [trade.exchange, trade.symbol, trade.side, str(trade.amount), str(trade.price), trade.id]
        print(json.dumps(told), flush=True)
        left -= 1
        if not left:
            loop.call_later(0.5, loop.stop)  # one that is too much would come at once

    for feed, symbols in feeds.items():
        handler.add_feed(feed(symbols=symbols, channels=[TRADES], callbacks={TRADES: show}))
    handler.run(start_loop=False, install_signal_handlers=False)
    loop.call_later(LIMIT_S, loop.stop)
    loop.run_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
