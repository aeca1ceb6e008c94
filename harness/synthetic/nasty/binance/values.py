"""Binance: frames of the right shape with nasty values in them."""

from harness.synthetic.nasty import object_text, quoted
from harness.synthetic.nasty.binance.tape import START_MS, Tape, enveloped


def same_time_and_price(tape: Tape) -> list[str]:
    """40 trades of one millisecond and price, 20 of them equal in size too; only the id tells them apart."""
    one_time = {"E": str(START_MS + 1), "T": str(START_MS)}
    sizes = ("0.02000000", "0.00010000", "0.02000000", "1.50000000")
    return [tape.combined(q=quoted(sizes[n % 4]), **one_time) for n in range(40)]


def resent(tape: Tape) -> list[str]:
    """Three trades of SOLUSDT, sent again, the last one twice."""
    frames = [tape.combined("SOLUSDT") for _ in range(3)]
    return [*frames, *frames, frames[-1]]


def symbols(tape: Tape) -> list[str]:
    """Unknown symbols and quotes, odd names, no name; a stream that names another symbol."""
    names = (
        "FOOBAR",
        "PEPEXYZ",
        "USDT",
        "BTC",
        "BTCUSDTUSDT",
        "USDTUSDC",
        "BTCUSD_PERP",
        "BTC-USDT",
        "BTC/USDT",
    )
    odd = ("btcusdt", " BTCUSDT", "币安人生USDT", "4USDT", "T", "X" * 200, "")
    disagreeing = enveloped(object_text(tape.fields("ETHUSDT")), "BTCUSDT")
    return [*(tape.combined(name) for name in (*names, *odd)), disagreeing]


def times(tape: Tape) -> list[str]:
    """Times of 1970, 1900, before it, 2100, the end of 2299, 2300, 9999 and 2**63-1 ms (ETHEUR)."""
    texts = (
        *("0", "1", "-1", "-2208988800000", "-2208988800001", "4102444800000"),
        *("10413791999999", "10413792000000", "253402300799999", "9223372036854775807"),
    )
    return [tape.combined("ETHEUR", T=text) for text in texts]


def other_time_units(tape: Tape) -> list[str]:
    """Times in microseconds (16 digits), seconds and nanoseconds (ETHEUR)."""
    texts = ("1770091506123456", "1770091506000000", "1770091506", "1770091506123456789")
    return [frame("ETHEUR", E=text, T=text) for text in texts for frame in (tape.combined, tape.raw)]


def times_not_integers(tape: Tape) -> list[str]:
    """Times that are texts, fractions, exponents; an event time before the trade's (ETHEUR)."""
    texts = (
        '"1770091506123"',
        "1770091506123.5",
        "1.770091506123e12",
        '"2026-02-03T04:05:06Z"',
        "false",
        "[]",
    )
    before_trade = tape.combined("ETHEUR", E="1")
    return [
        *(tape.combined("ETHEUR", T=text) for text in texts),
        tape.combined("ETHEUR", E='"x"'),
        before_trade,
    ]


def sides(tape: Tape) -> list[str]:
    """The m neither true nor false."""
    return [tape.combined(m=text) for text in ('"x"', '"true"', '"false"', "1", "0", '"b"', '"s"', "[]", "-1")]


SECTIONS = (same_time_and_price, resent, symbols, times, other_time_units, times_not_integers, sides)
