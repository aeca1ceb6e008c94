"""Binance spot `trade` frames, combined and raw.

Source: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams, read 2026-09-26;
order of keys and style of numbers as in recorded frames.
"""

from collections.abc import Iterable, Iterator

from harness.synthetic.draws import Draw, stream
from harness.synthetic.instruments import decimal_text, instrument
from harness.synthetic.trades import Market, Order, Plan, Received, Trade

NAME = "binance"
TRADES_PER_SECOND = 1_000
INSTRUMENTS = (
    instrument("BTCUSDT", "84106.10", "0.00210"),
    instrument("ETHUSDT", "2688.86", "0.0520"),
    instrument("SOLUSDT", "141.23", "0.850"),
    instrument("DOGEUSDT", "0.21334", "420"),
    instrument("BTCUSDC", "84101.37", "0.00180"),
    instrument("BTCFDUSD", "84093.52", "0.00310"),
    instrument("ETHBTC", "0.03197", "0.0410"),
    instrument("XRPUSDT", "2.4817", "61.0"),
    instrument("BNBUSDT", "911.40", "0.140"),
    instrument("1000SATSUSDT", "0.0001853", "710000"),
    instrument("USDCUSDT", "0.9998", "310"),
    instrument("FDUSDUSDT", "0.9987", "250"),
    instrument("ETHEUR", "2294.31", "0.0370"),
    instrument("USDTTRY", "41.62", "180"),
    instrument("BNBBUSD", "911.2", "0.110"),
    instrument("XRPETH", "0.00092298", "52.0"),
    instrument("SOLBTC", "0.0016792", "0.62"),
    instrument("ADAUSDT", "0.6421", "155.0"),
    instrument("PEPEUSDT", "0.00000971", "9200000"),
    instrument("SHIBTRY", "0.000512", "410000"),
    instrument("BTCEUR", "71766.02", "0.00120"),
    instrument("LTCBTC", "0.001243", "1.210"),
)

_DECIMALS = 8
_MS = 1_000_000
_US = 1_000
# From trade time T to event time E in ms: 1 as a rule, 220 at worst (recorded August 2024).
_EVENT_DELAY_MS = (0,) * 52 + (1,) * 180 + (2,) * 12 + (4,) * 6 + (17,) * 3 + (42, 96, 220)
_NETWORK_NS = 6 * _MS


def frames(plan: Plan, raw_symbols: frozenset[str] = frozenset()) -> Iterator[Received]:
    """Yield the acknowledgement of the subscription and then one frame per trade, by receive time.

    Symbols in raw_symbols come as a raw stream sends them (without the `stream` envelope), the rest combined.
    """
    market = Market(plan.seed, NAME, plan.instruments)
    yield plan.start_ns, ack(1)
    orders = market.orders(plan.start_ns, plan.end_ns, plan.trades_per_second)
    for recv_ns, event_ms, trade in _received(orders, stream(plan.seed, f"{NAME}/network"), plan.start_ns):
        encode = raw if trade.instrument.symbol in raw_symbols else combined
        yield recv_ns, encode(trade, event_ms)


def _received(orders: Iterable[Order], draw: Draw, start_ns: int) -> Iterator[tuple[int, int, Trade]]:
    """Give (receive time in ns, event time E in ms, trade); neither time goes backwards on a connection."""
    recv_ns, event_ms = start_ns, 0
    for order in orders:
        word = draw()
        delay_ms = _EVENT_DELAY_MS[word & 0xFF]
        spacing_ns = (2 + (word >> 8 & 7)) * _US
        network_ns = _NETWORK_NS + (word >> 32).bit_count() * 250 * _US
        for trade in order:
            event_ms = max(event_ms, trade.event_ns // _MS + delay_ms)
            recv_ns = max(recv_ns + spacing_ns, event_ms * _MS + network_ns)
            yield recv_ns, event_ms, trade


def raw(trade: Trade, event_ms: int) -> str:
    """Encode a trade as `/ws/<symbol>@trade` sends it."""
    instrument, trade_id, price_ticks, lots, taker_buys, _, event_ns = trade
    price = decimal_text(price_ticks * 10 ** (_DECIMALS - instrument.price_decimals), _DECIMALS)
    size = decimal_text(lots * 10 ** (_DECIMALS - instrument.size_decimals), _DECIMALS)
    maker = "false" if taker_buys else "true"
    return (
        f'{{"e":"trade","E":{event_ms},"s":"{instrument.symbol}","t":{trade_id},"p":"{price}","q":"{size}",'
        f'"T":{event_ns // _MS},"m":{maker},"M":true}}'
    )


def combined(trade: Trade, event_ms: int) -> str:
    """Encode a trade as `/stream?streams=<symbol>@trade` sends it."""
    return f'{{"stream":"{trade.instrument.symbol.lower()}@trade","data":{raw(trade, event_ms)}}}'


def ack(request_id: int) -> str:
    """Encode the answer to a SUBSCRIBE request that succeeded."""
    return f'{{"result":null,"id":{request_id}}}'
