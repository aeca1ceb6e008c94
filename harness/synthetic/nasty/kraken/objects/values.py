"""Kraken v2: frames of the right shape with nasty values in them."""

from harness.synthetic.nasty import quoted
from harness.synthetic.nasty.kraken.objects.tape import Tape, update


def same_time_and_price(tape: Tape) -> list[str]:
    """13 trades of one frame equal in all but the id, then 10 more of the same time and price."""
    time = quoted("2026-02-03T04:05:06.825906Z")
    equal = [tape.trade(qty="0.00010000", timestamp=time) for _ in range(13)]
    others = [tape.frame(qty=f"0.0001000{n}", timestamp=time) for n in range(10)]
    return [update(*equal), *others]


def thousand_trades(tape: Tape) -> list[str]:
    """A thousand trades in one frame, update and snapshot."""
    return [
        update(*(tape.trade(price=f"84{n:03d}.{n % 10}") for n in range(1_000))),
        update(
            *(tape.trade("DOGE/USD", price="0.2133100", qty="1.00000000") for _ in range(1_000)),
            kind="snapshot",
        ),
    ]


def resent(tape: Tape) -> list[str]:
    """Six trades of SOL/USD again as a snapshot, the last once more, the first twice in one frame."""
    trades = [tape.trade("SOL/USD") for _ in range(6)]
    return [
        *map(update, trades),
        update(*trades, kind="snapshot"),
        update(trades[-1]),
        update(trades[0], trades[0]),
    ]


def symbols(tape: Tape) -> list[str]:
    """Unknown symbols and quotes, v1's names, odd names, no name; four symbols in one frame."""
    names = (
        "PUPS/USD",
        "XBT/USD",
        "XDG/EUR",
        "BTC/XBT",
        "USDT/USDC",
        "FOO/BAR",
        "BTCUSD",
        "BTC-USD",
        "BTC//USD",
    )
    odd = ("BTC/USD/EUR", "/USD", "BTC/", "/", "btc/usd", " BTC/USD", "币/USD", "X" * 200, "1INCH/EUR", "")
    mixed = update(tape.trade("BTC/USD"), tape.trade("ETH/EUR"), tape.trade("BTC/USD"), tape.trade("DOGE/USD"))
    return [*(tape.frame(name) for name in (*names, *odd)), mixed]


def times(tape: Tape) -> list[str]:
    """Times of 1970, 1900, before it, 2100, the end of 2299, 2300, 9999, year 1; both sides of midnight."""
    texts = (
        *("1970-01-01T00:00:00.000000Z", "1969-12-31T23:59:59.999999Z", "1900-01-01T00:00:00.000000Z"),
        *("1899-12-31T23:59:59.999999Z", "2100-02-28T12:00:00.000000Z", "2299-12-31T23:59:59.999999Z"),
        *("2300-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00.000000Z"),
        *("2024-02-29T00:00:00.000001Z", "2026-02-03T23:59:59.999999Z", "2026-02-04T00:00:00.000000Z"),
    )
    return [tape.frame("ETH/EUR", timestamp=quoted(text)) for text in texts]


def time_fractions(tape: Tape) -> list[str]:
    """No fraction, one to nine digits, a lone point."""
    fractions = (
        "",
        ".1",
        ".12",
        ".123",
        ".123456000",
        ".1234567",
        ".123456789",
        ".999999999",
        ".000000000",
        ".",
    )
    return [tape.frame("ETH/EUR", timestamp=quoted(f"2026-02-03T04:05:07{text}Z")) for text in fractions]


def time_zones(tape: Tape) -> list[str]:
    """Offsets instead of Z, none, a space for T, small letters."""
    texts = (
        *(
            "2026-02-03T06:05:07.123456+02:00",
            "2026-02-02T23:35:07.123456-04:30",
            "2026-02-03T04:05:07.123456+00:00",
        ),
        *("2026-02-03T04:05:07.123456", "2026-02-03 04:05:07.123456Z", "2026-02-03t04:05:07.123456z"),
    )
    return [tape.frame("ETH/EUR", timestamp=quoted(text)) for text in texts]


def not_times(tape: Tape) -> list[str]:
    """No time, impossible days, hours and seconds, numbers."""
    texts = (
        *('"yesterday"', '""', '"2026-02-30T00:00:00.000000Z"', '"2026-13-01T00:00:00.000000Z"'),
        *('"2026-02-03T24:00:00.000000Z"', '"2026-02-03T25:61:00.000000Z"', '"2026-06-30T23:59:60.000000Z"'),
        *(
            '"2026-02-03"',
            '"04:05:07.123456Z"',
            '"1770091506"',
            '"1770091506.123456"',
            "1770091506",
            "1770091506.123456",
        ),
        *(
            "1770091506123",
            "true",
            "{}",
            "[2026,2,3]",
            '"2026-02-03T04:05:07,123456Z"',
            '"+2026-02-03T04:05:07Z"',
        ),
    )
    return [tape.frame("ETH/EUR", timestamp=text) for text in texts]


def sides_and_order_types(tape: Tape) -> list[str]:
    """Side neither buy nor sell; unknown order types."""
    sides = ("x", "", "b", "s", "BUY", "Sell", "sell_short", "buy ", "unknown", "selll")
    types = ("stop-loss", "", "LIMIT", "settle_position")
    return [*(tape.frame(side=quoted(s)) for s in sides), *(tape.frame(ord_type=quoted(t)) for t in types)]


SECTIONS = (
    same_time_and_price,
    thousand_trades,
    resent,
    symbols,
    times,
    time_fractions,
    time_zones,
    not_times,
    sides_and_order_types,
)
