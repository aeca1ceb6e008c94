"""ccxt as a client of a simulated exchange: `python -m tests.integration.exchange_ccxt PORT TRADES`.

Prints each trade that it watches as a JSON line, until it has seen so many on each exchange.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import ccxt.pro as ccxt


def market(name: str, base: str, quote: str) -> dict[str, Any]:
    """What it would ask an exchange's REST interface for."""
    named = {
        "id": name,
        "lowercaseId": name.lower(),
        "symbol": f"{base}/{quote}",
        "base": base,
        "quote": quote,
        "baseId": base,
        "quoteId": quote,
    }
    no = dict.fromkeys(("margin", "swap", "future", "option", "contract"), False)
    unknown = dict.fromkeys(("linear", "inverse", "settle", "settleId", "active"))
    kind = {"type": "spot", "spot": True, "precision": {}, "limits": {}, "info": {"wsname": f"{base}/{quote}"}}
    return {**named, **no, **unknown, **kind}


async def watch(exchange: Any, symbol: str, trades: int) -> None:
    seen = 0
    while seen < trades:
        for trade in await asyncio.wait_for(exchange.watch_trades(symbol), 10):
            seen += 1
            told = [exchange.id, trade["symbol"], trade["side"], trade["amount"], trade["price"], trade["id"]]
            print(json.dumps(told), flush=True)


async def main(port: str, trades: str) -> None:
    binance, kraken = ccxt.binance({"newUpdates": True}), ccxt.kraken({"newUpdates": True})
    binance.urls["api"]["ws"]["spot"] = f"ws://127.0.0.1:{port}/ws"
    kraken.urls["api"]["ws"]["publicV2"] = f"ws://127.0.0.1:{port}/v2"
    binance.set_markets([market("BTCUSDT", "BTC", "USDT")])
    kraken.set_markets([market("XXBTZUSD", "BTC", "USD")])
    try:
        await asyncio.gather(
            watch(binance, "BTC/USDT", int(trades)),
            watch(kraken, "BTC/USD", int(trades)),
        )
    finally:
        await binance.close()
        await kraken.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
