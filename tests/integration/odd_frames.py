"""Frames of both exchanges with all the oddities that docs/meaning.md has an answer to, from a seed.

About half are whole. In the rest a value is one of a pool of edges, a field is missing, doubled, renamed or out of its
place, a name is written with escapes, or bytes are cut out and put in anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, TypeAlias, TypeVar

Choice = TypeVar("Choice")
Fields: TypeAlias = list[tuple[str, str]]

NUMBERS: Final = (
    *("0", "-0", "1", "-1", "1.0", "1e3", "1E+2", "10e-1", "0.5", "0e5", "1e400", "-1e400", "1e-400", "5e-324"),
    *("1e9999", "1.7976931348623159e308", "1723161255342.0", "9223372036854775807", "9223372036854775808"),
    *("-9223372036854775808", "-9223372036854775809", "9007199254740993", "18446744073709551615"),
    *("18446744073709551616", "123456789012345678901234567890", "0.12345678901234567890123"),
)
NO_NUMBERS: Final = ("01", "+1", "1.", ".5", "1e", "--", "0x1", "NaN", "Infinity", "1_0", "-", "tru", "'1'")
TEXTS: Final = (
    *('""', '"1"', '"buy"', '"s"', '"l"', '"limit"', '"trade"', '"true"', '"number:5"', '"\\u006eumber:5"'),
    *('"a\\"b"', '"a\\/b"', '"\\n"', '"\\u0000"', '"\\ud83d\\ude80"', '"\u20ac"'),
    *('"X,1.5,Y"', '"[1e400, 1.5]"', '"\\"price\\": 1.5 ,"'),
)
NO_TEXTS: Final = ('"\\ud800"', '"\\udc00"', '"\\ud83d"', '"\n"', '"\x00"', '"\\x"', '"a')
DEEP: Final = "[" * 1021 + "1" + "]" * 1021
OTHERS: Final = ("null", "true", "false", "[]", "{}", "[1]", '{"a":1e400}', "[[1.5,-2.5]]", DEEP)
SYMBOLS: Final = (
    *("BTC/USD", "XBT/USD", "ETH/XBT", "XDG/EUR", "/USD", "BTC/", "A/B/C", "BTCUSDT", "ETHBTC", "TUSD", "BTUSD"),
    *("btcusdt", "USDT", "BTC-USDT", "XUSD1", "A,1.5,B", "\\u0042TCUSDT", "BTCUSDT\\n", "number:1/USD", "€/USD"),
    *("XBT/EUR\\u0000",),
)
DECIMALS: Final = (
    *("0", "-0", "0.0", "000.000", "-1", "1.50", "0.123456789012345678", "0.1234567890123456789"),
    *("0.1234567890123456780", "1e-18", "1e-19", "10e-19", "100e-20", "0e9999", "0e99999", "1E5", "1e+5", "1e+-5"),
    *("1.", ".5", "+1", "1,5", "0x1", "NaN", "1e12345", "-000.50", "00100e-2", "12345678901234567890123e-9"),
    *("00000000000000000000000001.5",),
)
LARGE: Final = ("99999999999999999999.999999999999999999", "100000000000000000000", "1e20", "0.0001e23", "1e400")
BINANCE_TIMES: Final = (
    *("1723161255342001", "-2208988800000", "-2208988800001", "10413791999999", "10413792000000"),
    *("10413791999999999", "10413792000000000", "99999999999999", "100000000000000", "-100000000000000"),
    *("1230940799999", "1230940800000", "1790532552679000", "1790532552679001", "4102444799999", "4102444800000"),
)
V1_TIMES: Final = (
    *("0", "1618678142.", ".5", "1618678142.5575350000", "1618678142.5575351", "10413791999.999999", "10413792000"),
    *("99999999999", "100000000000", "-1", "1e9", "1230940799.999999", "1790532552.679001", "4102444800"),
)
V2_TIMES: Final = (
    *("2026-09-26T18:09:13Z", "2026-09-26T18:09:13.1Z", "2026-09-26T18:09:13.157776000000000000000000000000Z"),
    *("soon", "2024-02-29T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-00-10T00:00:00Z"),
    *("2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-04-31T00:00:00Z", "0000-01-01T00:00:00Z"),
    *("1899-12-31T23:59:59.999999Z", "1900-01-01T00:00:00Z", "2299-12-31T23:59:59.999999Z", "2300-01-01T00:00:00Z"),
    *("9999-12-31T23:59:59Z", "2026-09-26T24:00:00Z", "2026-06-30T23:59:60Z", "2026-09-26T18:09:13+00:00"),
    *("2026-09-26t18:09:13Z", "1969-12-31T23:59:59.5Z"),
)
SPLINTERS: Final = (
    *(b"", b'"', b"\\", b",", b":", b"{", b"}", b"[", b"]", b"0", b"-", b".", b"e", b"E5", b".0", b" ", b"\n", b"\x00"),
    *(b"\xff", b"\xef\xbb\xbf", b"null", b'""', b"99999999999999999999", b"1e400", b"1.5", b"\\u0041", b"\x0c"),
)
STRANGE_NAMES: Final = ("n", "X", "M", "data", "stream", 'a\\"price', "type", "E", "t", "price", "trade_id", "")
BOM: Final = b"\xef\xbb\xbf"


class Mint:
    """Strikes frames; the same seed strikes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311  # a test wants to be repeated
        self._last_id = 1_000

    def binance(self) -> bytes:
        fields = [("e", '"trade"'), ("E", self._rarely(NUMBERS, "1723161255343"))]
        fields += [("s", self._symbol()), ("t", self._id())]
        fields += [("p", self._decimal("61837.63000000", LARGE)), ("q", self._decimal("0.02"))]
        if self._happens(0.2):
            fields += [("b", self._one(NUMBERS)), ("a", self._one(NUMBERS))]
        fields += [
            ("T", self._rarely([*NUMBERS, *BINANCE_TIMES], "1723161255342")),
            ("m", self._one(("true", "false"))),
        ]
        fields += [("X", '"MARKET"') if self._happens(0.05) else ("M", self._one(("true", "false")))]
        frame = self._object(fields, oddity=0.5)
        if self._happens(0.5):
            frame = self._object([("stream", '"btcusdt@trade"'), ("data", frame)], oddity=0.2)
        return self._spoilt(frame)

    def kraken(self) -> bytes:
        return self._spoilt(self._v2() if self._happens(0.6) else self._v1())

    def _v2(self) -> str:
        kind = self._one(('"update"', '"snapshot"', '""'))
        trades = self._several(self._v2_trade)
        return self._object([("channel", '"trade"'), ("type", kind), ("data", trades)], oddity=0.2)

    def _v2_trade(self) -> str:
        fields = [("symbol", self._symbol()), ("side", self._one(('"buy"', '"sell"', '"s"', '"Buy"', '""')))]
        fields += [("price", self._rarely(NUMBERS, "84095.70"))]
        fields += [("qty", self._rarely(("0.5e-3", "7", "1e-18", "-1", "0.00"), "0.00275723"))]
        fields += [("ord_type", self._rarely(TEXTS, '"limit"')), ("trade_id", self._id())]
        time = self._rarely(V2_TIMES, "2026-09-26T18:09:13.157776Z")
        return self._object([*fields, ("timestamp", f'"{time}"')], oddity=0.4)

    def _v1(self) -> str:
        elements = [self._rarely(NUMBERS, "337"), self._several(self._v1_trade), '"trade"', self._symbol()]
        if self._happens(0.15):
            elements[self._random.randrange(4)] = self._any()
        if self._happens(0.1):
            elements.insert(0, self._any())
        return f"[{','.join(elements)}]"

    def _v1_trade(self) -> str:
        # Few prices and times, so that equal trades do occur, in one frame and in several.
        time = self._rarely(V1_TIMES, f"1618678142.55753{self._random.randrange(4)}")
        values = [self._decimal("354.11", LARGE), self._decimal("0.5"), f'"{time}"']
        values += [self._one(('"b"', '"s"', '"s"', '"x"')), self._one(('"l"', '"m"', '""'))]
        values += [self._one(('""', '"misc"'))]
        if self._happens(0.15):
            values = values[: self._random.randrange(7)]
        if self._happens(0.15) and values:
            values[self._random.randrange(len(values))] = self._any()
        return f"[{','.join(values)}]" if self._happens(0.97) else self._any()

    def _object(self, fields: Fields, oddity: float) -> str:
        while self._happens(oddity):
            fields, oddity = self._made_odd(fields), oddity / 2
        gap = self._one((" ", "\n", "\t\r\n")) if self._happens(0.1) else ""
        return "{" + ",".join(f'{gap}"{self._name(name)}"{gap}:{gap}{value}{gap}' for name, value in fields) + "}"

    def _made_odd(self, fields: Fields) -> Fields:
        """One field gone, of another value, there twice, too many, or all of them in another order."""
        place, new_place = self._random.randrange(len(fields)), self._random.randrange(len(fields) + 1)
        name = fields[place][0]
        match self._random.randrange(5):
            case 0:
                return fields[:place] + fields[place + 1 :] or fields
            case 1:
                return [*fields[:place], (name, self._any()), *fields[place + 1 :]]
            case 2:
                return [*fields[:new_place], (name, self._any()), *fields[new_place:]]
            case 3:
                return [*fields[:new_place], (self._one(STRANGE_NAMES), self._any()), *fields[new_place:]]
            case _:
                return self._random.sample(fields, len(fields))

    def _name(self, name: str) -> str:
        if "\\" in name or not self._happens(0.03):
            return name
        return "".join(f"\\u{ord(letter):04x}" if self._happens(0.5) else letter for letter in name)

    def _several(self, make: Callable[[], str]) -> str:
        trades = [make() for _ in range(self._one((1, 1, 1, 2, 3)))]
        return f"[{','.join([*trades, trades[0]] if self._happens(0.1) else trades)}]"

    def _spoilt(self, text: str) -> bytes:
        frame = self._any().encode() if self._happens(0.02) else text.encode()
        if self._happens(0.05):
            frame = BOM + frame
        while self._happens(0.08):
            place = self._random.randrange(len(frame) + 1)
            frame = frame[:place] + self._one(SPLINTERS) + frame[place + self._one((0, 0, 1, 2, 5)) :]
        return frame or b" "

    def _symbol(self) -> str:
        return f'"{self._rarely(SYMBOLS, "BTC/USD")}"' if self._happens(0.97) else self._any()

    def _id(self) -> str:
        """Mostly another trade; at times one that was there, in another frame or with other values."""
        if self._happens(0.1):
            return self._one(NUMBERS)
        if self._happens(0.2):
            return str(self._random.randrange(self._last_id - 20, self._last_id + 1))
        self._last_id += 1
        return str(self._last_id)

    def _decimal(self, usual: str, large: Sequence[str] = ()) -> str:
        """In quotation marks. No quantity is large, for no candle could hold the sum of such volumes."""
        return f'"{self._rarely([*DECIMALS, *large, ""], usual)}"'

    def _any(self) -> str:
        pools: Sequence[Sequence[str]] = (NUMBERS, TEXTS, OTHERS) if self._happens(0.93) else (NO_NUMBERS, NO_TEXTS)
        return self._one(self._one(pools))

    def _rarely(self, pool: Sequence[str], usual: str) -> str:
        return self._one(pool) if self._happens(0.25) else usual

    def _one(self, pool: Sequence[Choice]) -> Choice:
        return self._random.choice(pool)

    def _happens(self, chance: float) -> bool:
        return self._random.random() < chance
