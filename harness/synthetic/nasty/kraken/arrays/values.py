"""Kraken v1: frames of the right shape with nasty values in them."""

from harness.synthetic.nasty import quoted
from harness.synthetic.nasty.kraken.arrays.tape import Tape, update


def equal_trades(tape: Tape) -> list[str]:
    """Two and three equal trades in a frame, side by side and apart; nearly equal; equal in another pair."""
    two, three, apart = (tape.trade() for _ in range(3))
    nearly = tape.trade()
    return [
        update(two, two),
        update(tape.trade(), three, three, three, tape.trade()),
        update(apart, tape.trade(), apart),
        update(nearly, nearly.replace('"l"', '"m"'), nearly.replace('"s"', '"b"')),
        update(two, two, pair="XBT/EUR"),
    ]


def resent(tape: Tape) -> list[str]:
    """Six trades and two equal ones of XMR/USD, again in one frame, the equal ones once more."""
    trades = [tape.trade() for _ in range(6)]
    equal = tape.trade()
    frames = [*(update(trade, pair="XMR/USD") for trade in trades), update(equal, equal, pair="XMR/USD")]
    return [*frames, update(*trades, equal, equal, pair="XMR/USD"), frames[-1]]


def thousand_trades(tape: Tape) -> list[str]:
    """A thousand trades in one frame, and a thousand equal ones."""
    equal = tape.trade()
    return [
        update(*(tape.trade(price=f'"57{n:03d}.70000"') for n in range(1_000))),
        update(*(equal for _ in range(1_000)), pair="XDG/EUR"),
    ]


def pairs(tape: Tape) -> list[str]:
    """Kraken's own names, unknown pairs and quotes, v2's and REST's names, odd names, no name."""
    names = (
        "XDG/EUR",
        "XBT/XDG",
        "ETH/XBT",
        "BTC/USD",
        "PUPS/USD",
        "FOO/BAR",
        "XBTUSD",
        "XXBTZUSD",
        "XBT//USD",
    )
    odd = ("XBT/USD/EUR", "/USD", "XBT/", "/", "xbt/usd", "", "X" * 200, "XBT.d", "币/XBT")
    return [tape.frame(name) for name in (*names, *odd)]


def times(tape: Tape) -> list[str]:
    """Times of 1970, 1900, before it, 2100, the end of 2299, 2300, 9999 and beyond (ETH/XBT)."""
    texts = (
        *(
            "0",
            "0.000000",
            "0.000001",
            "-0.000001",
            "-2208988800.000000",
            "-2208988800.000001",
            "4107585600.000000",
        ),
        *(
            "10413791999.999999",
            "10413792000.000000",
            "253402300799.999999",
            "9223372036854.775807",
            "1" * 30,
        ),
    )
    return [tape.frame("ETH/XBT", time=quoted(text)) for text in texts]


def time_fractions(tape: Tape) -> list[str]:
    """No fraction, one to nine digits, a lone point, no point, an exponent (ETH/XBT)."""
    texts = ("1770091567", "1770091567.1", "1770091567.12345", "1770091567.123456000", "1770091567.1234567")
    others = (
        "1770091567.123456789",
        "1770091567.",
        "1770091567123",
        "1770091567123456",
        "1.770091567123456e9",
    )
    return [tape.frame("ETH/XBT", time=quoted(text)) for text in (*texts, *others)]


def not_times(tape: Tape) -> list[str]:
    """Texts that are no time in seconds (ETH/XBT)."""
    texts = (
        "yesterday",
        "",
        " ",
        "2026-02-03T04:06:07.123456Z",
        "1770091567,5",
        "+1770091567.5",
        ".5",
        "NaN",
        "0x69",
    )
    return [tape.frame("ETH/XBT", time=quoted(text)) for text in texts]


def sides_and_order_types(tape: Tape) -> list[str]:
    """Side neither b nor s; type neither l nor m."""
    sides = ("x", "", "buy", "sell", "B", "S", "b ", "bs")
    types = ("x", "", "limit", "L")
    return [*(tape.frame(side=quoted(s)) for s in sides), *(tape.frame(type=quoted(t)) for t in types)]


SECTIONS = (
    equal_trades,
    resent,
    thousand_trades,
    pairs,
    times,
    time_fractions,
    not_times,
    sides_and_order_types,
)
