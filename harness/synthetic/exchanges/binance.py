"""Binance spot `trade` frames, combined and raw.

Source: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams, read 2026-09-26;
order of keys and style of numbers as in recorded frames.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from harness.synthetic.activity import Tide
from harness.synthetic.arrivals import Excitement, Kernel
from harness.synthetic.behaviour import Behaviour
from harness.synthetic.draws import Draws, Integers
from harness.synthetic.fields import Form, Role
from harness.synthetic.fills import Depth
from harness.synthetic.instruments import Instrument, instrument
from harness.synthetic.prices import Makers
from harness.synthetic.quantiles import half_powers
from harness.synthetic.sizes import Population, Sizes
from harness.synthetic.trades import Market, Plan, Received, Trades
from harness.synthetic.typeset import Sheet, stacked

NAME = "binance"
TRADES_PER_SECOND = 1_000
QUOTES = {"USDT": Fraction(1), "USDC": Fraction(1), "FDUSD": Fraction(1), "TRY": Fraction(4162, 100)}
SEPARATOR = ""
_WELL_KNOWN = (
    ("BTC/USDT", "84106.10", "0.00007"),
    ("ETH/USDT", "2688.86", "0.0021"),
    ("SOL/USDT", "141.23", "0.039"),
    ("DOGE/USDT", "0.21334", "26"),
    ("BTC/USDC", "84101.37", "0.00007"),
    ("BTC/FDUSD", "84093.52", "0.00007"),
    ("ETH/BTC", "0.03197", "0.0021"),
    ("XRP/USDT", "2.4817", "2.3"),
    ("BNB/USDT", "911.40", "0.007"),
    ("1000SATS/USDT", "0.0001853", "29700"),
    ("USDC/USDT", "0.9998", "6"),
    ("FDUSD/USDT", "0.9987", "6"),
    ("ETH/EUR", "2294.31", "0.0022"),
    ("USDT/TRY", "41.62", "6"),
    ("BNB/BUSD", "911.2", "0.007"),
    ("XRP/ETH", "0.00092298", "2.3"),
    ("SOL/BTC", "0.0016792", "0.04"),
    ("ADA/USDT", "0.6421", "8.6"),
    ("PEPE/USDT", "0.00000971", "567000"),
    ("SHIB/TRY", "0.000512", "447000"),
    ("BTC/EUR", "71766.02", "0.00007"),
    ("LTC/BTC", "0.001243", "0.053"),
)
INSTRUMENTS = tuple(instrument(*row, separator=SEPARATOR) for row in _WELL_KNOWN)
_TRADE = {
    Role.SYMBOL: "s",
    Role.TRADE_ID: "t",
    Role.PRICE: "p",
    Role.QUANTITY: "q",
    Role.TIME: "T",
    Role.SIDE: "m",
}
FORMS = (Form(("data",), _TRADE), Form((), _TRADE))

BEHAVIOUR = Behaviour(
    excitement=Excitement(
        kernels=(
            Kernel(205, 4_000, same_instrument_permille=920, same_side_permille=960),
            Kernel(155, 25_000, same_instrument_permille=960, same_side_permille=920),
            Kernel(222, 150_000, same_instrument_permille=955, same_side_permille=780),
            Kernel(45, 700_000, same_instrument_permille=920, same_side_permille=700),
            Kernel(30, 3_000_000, same_instrument_permille=920, same_side_permille=600),
        ),
        weights=((1, 1000), (2, 1780), (5, 2240), (10, 2810)),
        tides=(Tide(22, 900), Tide(24, 420), Tide(26, 600)),
    ),
    depth=Depth(
        kinds_permille=((350, 450), (200, 860), (3, 985)),
        repeats_permille=225,
        walks_permille=(340, 230, 190),
        step_per_billion=6_000,
    ),
    makers=Makers(
        spread_per_million=0,
        moves_permille=(280, 140, 60),
        with_taker_permille=(900, 750, 600),
        move_per_billion=20_000,
    ),
    sizes=Sizes(
        single=(Population(80, 100), Population(420, 100, 300), Population(500, 100, 12_500, 3)),
        several=(
            Population(70, 10, 40),
            Population(140, 100),
            Population(240, 100, 300, 3),
            Population(550, 100, 24_000, 4),
        ),
        round_permille=150,
    ),
    market_orders_permille=500,
)

_PLACES: Final = 8
_MS: Final = 1_000_000
_MS_US: Final = 1_000
# From trade time T to event time E in ms: 1 as a rule, 220 at worst (recorded August 2024).
_EVENT_DELAYS_MS: Final = np.array(
    (0,) * 32 + (1,) * 170 + (2,) * 32 + (3,) * 10 + (6,) * 6 + (17,) * 3 + (42, 96, 220), np.int64
)
_NETWORK_NS: Final = 6 * _MS
_SPACING_NS: Final = 4_000


def frames(
    plan: Plan, raw_symbols: frozenset[str] = frozenset(), behaviour: Behaviour = BEHAVIOUR
) -> Iterator[Received]:
    """Yield the acknowledgement of the subscription and then one frame per trade, by receive time.

    Symbols in raw_symbols come as a raw stream sends them (without the `stream` envelope), the rest combined.
    """
    yield plan.start_ns, ack(1)
    encode = Encoder(plan.instruments, raw_symbols)
    network = _Network(Draws(plan.seed, f"{NAME}/network"), plan.start_ns)
    for trades in Market(NAME, behaviour, plan).trades():
        recv_ns, event_ms = network.carry(trades)
        yield from zip(recv_ns.tolist(), encode(trades, event_ms), strict=True)


class Encoder:
    """Encodes trades of some instruments as `/stream?streams=..` (combined) or `/ws/<symbol>@trade` (raw) does."""

    def __init__(self, instruments: Sequence[Instrument], raw_symbols: frozenset[str] = frozenset()) -> None:
        symbols = [known.symbol for known in instruments]
        wrappers = [
            ("", "") if symbol in raw_symbols else (f'{{"stream":"{symbol.lower()}@trade","data":', "}")
            for symbol in symbols
        ]
        self._openings = stacked([opening + '{"e":"trade","E":' for opening, _ in wrappers])
        self._symbols = stacked([f',"s":"{symbol}","t":' for symbol in symbols])
        self._endings = stacked(
            [f',"m":{maker},"M":true}}{closing}\n' for maker in ("true", "false") for _, closing in wrappers]
        )
        self._price_units = np.array([10 ** (_PLACES - known.price_decimals) for known in instruments], np.int64)
        self._size_units = np.array([10 ** (_PLACES - known.size_decimals) for known in instruments], np.int64)

    def __call__(self, trades: Trades, event_ms: Integers) -> list[bytes]:
        """Encode trades whose events have these times E."""
        number, sheet = trades.number, Sheet(len(trades.number))
        sheet.choice(self._openings, number)
        sheet.integer(event_ms)
        sheet.choice(self._symbols, number)
        sheet.integer(trades.trade_id)
        sheet.text(',"p":"')
        sheet.decimal(trades.price_ticks * self._price_units[number], _PLACES)
        sheet.text('","q":"')
        sheet.decimal(trades.size_lots * self._size_units[number], _PLACES)
        sheet.text('","T":')
        sheet.integer(trades.event_us // _MS_US)
        # A taker who buys leaves the seller as the maker.
        sheet.choice(self._endings, number + trades.taker_buys * len(self._symbols))
        return sheet.lines()


class _Network:
    """When trades become events, and when these arrive; neither time goes backwards. Mutable."""

    def __init__(self, draws: Draws, start_ns: int) -> None:
        self._draws = draws
        self._event_ms = 0
        self._recv_ns = start_ns

    def carry(self, trades: Trades) -> tuple[Integers, Integers]:
        """Give receive times in ns and event times E in ms."""
        orders = len(trades.first)
        if not orders:
            return trades.event_us, trades.event_us
        per_order = np.diff(trades.first, append=len(trades.number))
        luck = self._draws.bits(2 * orders, 16)
        delays_ms = np.repeat(_EVENT_DELAYS_MS[luck[:orders] & 0xFF], per_order)
        event_ms = np.maximum.accumulate(np.maximum(trades.event_us // _MS_US + delays_ms, self._event_ms))
        network_ns = _NETWORK_NS + np.repeat(half_powers(3)[luck[orders:] & 0xFFF], per_order)
        # Frames of one order arrive some microseconds after each other, and none overtakes another.
        queued_ns = _SPACING_NS * np.arange(len(event_ms), dtype=np.int64)
        due_ns = np.maximum(event_ms * _MS + network_ns, self._recv_ns + _SPACING_NS)
        recv_ns = np.maximum.accumulate(due_ns - queued_ns) + queued_ns
        self._event_ms, self._recv_ns = int(event_ms[-1]), int(recv_ns[-1])
        return recv_ns, event_ms


def ack(request_id: int) -> bytes:
    """Encode the answer to a SUBSCRIBE request that succeeded."""
    return f'{{"result":null,"id":{request_id}}}'.encode()
