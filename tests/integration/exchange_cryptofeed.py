"""cryptofeed as a client of a simulated exchange: `python -m tests.integration.exchange_cryptofeed PORT CA SECONDS`.

Prints each trade that it calls back with as a JSON line. A program of its own, because its FeedHandler puts in
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


def main(port: str, certificate: str, seconds: str) -> None:
    endpoint = WebsocketEndpoint(
        f"wss://127.0.0.1:{port}", options={"ssl": ssl.create_default_context(cafile=certificate)}
    )
    # What it would ask the exchanges' REST interfaces for.
    Symbols.set(KRAKEN, {"XMR-USD": "XMR/USD", "SC-EUR": "SC/EUR"}, {})
    Symbols.set(BINANCE, {"BTC-USDT": "BTCUSDT", "ETH-USDT": "ETHUSDT", "DOT-USDT": "DOTUSDT"}, {})
    feeds = {
        type("SimulatedKraken", (Kraken,), {"websocket_endpoints": [endpoint]}): ["XMR-USD", "SC-EUR"],
        type("SimulatedBinance", (Binance,), {"websocket_endpoints": [endpoint]}): ["BTC-USDT", "ETH-USDT", "DOT-USDT"],
    }
    handler = FeedHandler({"log": {"disabled": True}})
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    for feed, symbols in feeds.items():
        handler.add_feed(feed(symbols=symbols, channels=[TRADES], callbacks={TRADES: show}))
    handler.run(start_loop=False, install_signal_handlers=False)
    loop.call_later(float(seconds), loop.stop)
    loop.run_forever()


async def show(trade: Any, _: float) -> None:
    told = [trade.exchange, trade.symbol, trade.side, str(trade.amount), str(trade.price), trade.id]
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
