"""Frames by hand, each with what docs/meaning.md makes of it: the places where it could be read in two ways."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.integration.sql.test_binance import trade
from tests.integration.sql.test_kraken import v1, v2, v2_trade

PAIRS: Final = (f"V{number}/USD" for number in itertools.count())
BOM: Final = "\ufeff"
LONG: Final = "123456789012345678901234567890"
PAST_I64, BELOW_I64 = "9223372036854775808", "-9223372036854775809"
LAST_U64, PAST_U64 = "18446744073709551615", "18446744073709551616"
ZEROS: Final = "0" * 1_000_001  # more than the engine's functions on strings pad or repeat


@dataclass(frozen=True)
class Case:
    """A frame and what becomes of it: a bronze letter with `reason`, or for each of its trades a row.

    Of the row the columns that the case is about; where a trade's `silver` is a text, it is the reason of its letter.
    """

    name: str
    frame: bytes
    reason: str = ""
    bronze: Sequence[Mapping[str, Any]] = field(default=())
    silver: Sequence[Mapping[str, Any] | str] = field(default=())


def kept(name: str, frame: str, silver: Mapping[str, Any] | str | None = None, **bronze: Any) -> Case:
    """A frame that becomes one trade."""
    return Case(name, frame.encode(), bronze=[bronze], silver=[silver or {}])


def refused(reason: str, name: str, frame: str | bytes) -> Case:
    """A frame that becomes a letter."""
    return Case(name, frame if isinstance(frame, bytes) else frame.encode(), reason)


def combined(frame: str, stream: str = '"x@trade"') -> str:
    return f'{{"stream":{stream},"data":{frame}}}'


def nested(depth: int) -> str:
    """Arrays in arrays, with a value in the innermost."""
    return "[" * depth + "1" + "]" * depth


def v1_trade(price: str = "354.11", time: str = "1618678142.557535", kind: str = '"l"') -> str:
    return f'["{price}","0.5","{time}","s",{kind},""]'


def in_v1(*trades: str, channel: str = "337") -> str:
    """Each frame of a pair of its own, for equal trades are one."""
    return v1(*trades, pair=next(PAIRS)).replace("337", channel, 1)


JSON: Final = [
    kept("byte order mark", BOM + trade(), symbol="BTCUSDT"),
    kept("byte order mark and space", BOM + " \n" + trade()),
    refused("not_json", "two byte order marks", BOM * 2 + trade()),
    refused("not_json", "space before the byte order mark", " " + BOM + trade()),
    refused("not_json", "byte order mark alone", BOM),
    kept("1,023 deep", trade(n=nested(1022))),
    refused("not_json", "1,024 deep", trade(n=nested(1023))),
    kept("1,023 deep around nothing", trade(n="[" * 1023 + "]" * 1023)),
    kept("combined, 1,023 deep", combined(trade(n=nested(1021)))),
    refused("not_json", "combined, 1,024 deep", combined(trade(n=nested(1022)))),
    refused("not_json", "half a surrogate pair", trade(s='"BTC\\ud800USDT"')),
    refused("not_json", "half a surrogate pair where it has no meaning", trade(n='["\\udc00"]')),
    refused("not_json", "half a surrogate pair in a name", trade(**{"n\\ud83d": "1"})),
    kept("whole surrogate pair", trade(s='"\\ud83d\\ude80USDT"'), symbol="\U0001f680USDT"),
    refused("not_json", "no UTF-8", trade(n='"?"').encode().replace(b"?", b"\xff")),
    refused("not_json", "no UTF-8, and a number past a double", trade(n='["?",1e400]').encode().replace(b"?", b"\xff")),
    kept("first of equal names", trade(p='"1.5","p":"2"', m='true,"m":0'), {"price": "1.5"}, is_buyer_maker=True),
    kept("first of equal names, one by escapes", trade(p='"1.5","\\u0070":"2.5"'), price="1.5"),
    refused("malformed_price", "first of equal names is a defect", trade(p='1,"p":"2.5"')),
    kept("first data is empty", '{"data":{},"data":{"e":"x"},' + trade()[1:], stream=""),
    refused("not_a_trade", "first data is no trade", '{"data":{"e":"x"},' + trade()[1:]),
    kept("stream that is no text", combined(trade(), stream=LONG), stream=""),
    kept("stream with escapes", combined(trade(), stream='"\\u0061\\/b"'), stream="a/b"),
    kept("stream of a raw frame", trade(stream='"x"'), stream=""),
]
INTEGERS: Final = [
    *(kept(f"E {sent}", trade(E=sent), event_time=None)
        for sent in ("17231612553.0", "1.7e12", "1e3", "1e400", '"5"', "null", PAST_I64, BELOW_I64, LONG)),
    kept("E -0", trade(E="-0"), event_time="0"),
    kept("E -2^63", trade(E="-9223372036854775808"), event_time="-9223372036854775808"),
    kept("E 1.0 by escapes", trade(E=None, **{"\\u0045": "1.0"}), event_time=None),
    *(kept(f"b and a {sent}", trade(b=sent, a=sent), buyer_order_id=None, seller_order_id=None)
        for sent in ("88.0", "1E2", "0.0", "-1", "true", PAST_U64, LONG)),
    kept("b and a 2^64-1", trade(b=LAST_U64, a=LAST_U64), buyer_order_id=LAST_U64, seller_order_id=LAST_U64),
    *(refused("malformed_trade_id", f"t {sent}", trade(t=sent))
        for sent in ("1000.0", "1e3", "1e400", "-1e400", "0.0", "-1", PAST_U64, LONG)),
    refused("malformed_trade_id", "t 1e3 by escapes", trade(t=None, **{"\\u0074": "1e3"})),
    refused("malformed_trade_id", "combined, t 1.0", combined(trade(t="1.0"))),
    kept("t -0", trade(t="-0", s='"ZEROUSDT"'), {"trade_id": "0", "source_sequence": "0"}, trade_id="0"),
    *(refused("malformed_time", f"T {sent}", trade(T=sent))
        for sent in ("1723161255342.0", "1.723161255342e12", "1e400", PAST_I64, BELOW_I64, LONG)),
]  # fmt: skip
NUMBERS: Final = [
    refused("malformed_symbol", "s of 30 digits without quotes", trade(s=LONG)),
    refused("malformed_price", "p of 30 digits without quotes", trade(p=LONG)),
    refused("malformed_quantity", "q past a double", trade(q="1e400")),
    refused("malformed_side", "m past a double", trade(m="1e400")),
    *(kept(f"{sent[:20]} where it has no meaning", trade(n=sent)) for sent in (
        "1e400", "-1e400", "[1e400]", '{"T":1e400}', LONG, "[1.5,-2.5, 1e400 ,3]", "9" * 5000, '[1.5,"]1e400"]',
    )),
    *(refused("not_json", f"{sent} where it has no meaning", trade(n=sent)) for sent in (
        "01", "1.", "1.e5", "1e", "1.5.5", "1.5x", "-", "+1e400", "[1e400", "{1e400:2}", "NaN",
    )),
    refused("not_a_trade", "number past a double", "1e400"),
    refused("not_a_trade", "number of 30 digits after a byte order mark", BOM + LONG),
    refused("not_a_trade", "array of a number past a double", "[1e400]"),
    kept("symbol like numbers, beside a number", trade(s='"A,1.5,B: 1e400]"', n="1e400"), symbol="A,1.5,B: 1e400]"),
    kept("symbol like a field", trade(s='"\\"T\\": 1.5 ,\\\\"'), symbol='"T": 1.5 ,\\'),
    kept("a million leading zeros", trade(p=f'"{ZEROS}1.5"'), {"price": "1.5"}),
    kept("a million zeros and an exponent", trade(p=f'"{ZEROS}15e-19"'), "price_not_exact"),
    kept("a million trailing zeros", trade(p=f'"0.5{ZEROS}"'), {"price": "0.5"}),
    kept("a million digits", trade(p=f'"1{ZEROS}"'), "price_not_exact"),
    kept("p past a double", trade(p='"1e400"'), "price_not_exact", price="1e400"),
]  # fmt: skip
KRAKEN: Final = [
    kept("v1 after a byte order mark", BOM + in_v1(v1_trade()), api="v1", price="354.11"),
    kept("v1 after a byte order mark and space", f"{BOM}\t\n{in_v1(v1_trade())}", api="v1"),
    refused("not_json", "v1 after two byte order marks", BOM * 2 + in_v1(v1_trade())),
    kept("v2 after a byte order mark", BOM + v2(v2_trade()), api="v2", price="84095.70"),
    kept("v1 with a channel past a double", in_v1(v1_trade(), channel="1e400")),
    kept("v1 with a channel of 30 digits", in_v1(v1_trade(), channel=LONG)),
    kept("v1 with an order type of 30 digits", in_v1(v1_trade(kind=LONG)), {"trade_conditions": []}, order_type=""),
    refused("malformed_price", "v1 price past a double", in_v1(v1_trade().replace('"354.11"', "1e400"))),
    refused("malformed_symbol", "v1 pair of 30 digits", f'[1,[{v1_trade()}],"trade",{LONG}]'),
    kept("v1 1,023 deep", in_v1(v1_trade(), channel=nested(1022))),
    refused("not_json", "v1 1,024 deep", in_v1(v1_trade(), channel=nested(1023))),
    kept("v2 1,023 deep", v2(v2_trade(n=nested(1020)))),
    refused("not_json", "v2 1,024 deep", v2(v2_trade(n=nested(1021)))),
    *(refused("malformed_trade_id", f"trade_id {sent}", v2(v2_trade(trade_id=sent)))
        for sent in ("1000.0", "1e3", "1e400", "-1", PAST_U64, LONG)),
    refused("malformed_trade_id", "trade_id 1e3 by escapes", v2(v2_trade(trade_id=None, **{"trade\\u005fid": "1e3"}))),
    kept("trade_id 2^64-1", v2(v2_trade(trade_id=LAST_U64)), {"source_sequence": LAST_U64}, trade_id=LAST_U64),
    kept("price past a double", v2(v2_trade(price="1e400")), "price_not_exact", price="1e400"),
    kept("price of 30 digits", v2(v2_trade(price=LONG)), "price_not_exact", price=LONG),
    kept("price -0.00", v2(v2_trade(price="-0.00")), {"price": "0", "validation_errors": ["price_not_positive"]}),
    kept("v2 with 1e400 where it has no meaning", v2(v2_trade(n="[1e400]"))),
    kept("v2 with an order type of 30 digits", v2(v2_trade(ord_type=LONG)), {"trade_conditions": []}, order_type=""),
    kept("v2 with a type of 30 digits", v2(v2_trade()).replace('"update"', LONG), {"vendor_data": {"api": "v2"}}),
    refused("malformed_symbol", "v2 symbol of 30 digits", v2(v2_trade(symbol=LONG))),
    refused("malformed_time", "v2 timestamp of 30 digits", v2(v2_trade(timestamp=LONG))),
    refused("malformed_side", "v2 side of 30 digits", v2(v2_trade(side=LONG))),
    *(refused(reason, f"{name} {sent}", v2(v2_trade(**{name: sent})))
        for name, reason in (("price", "malformed_price"), ("qty", "malformed_quantity"))
        for sent in ('"number:5"', '"\\u006eumber:5"', '"5"', "[5]", "null")),
    refused("malformed_price", "first of equal prices is a text", v2(v2_trade(price='"number:5","price":5'))),
    refused("malformed_price", "price by another name", v2(v2_trade(price=None, **{'a\\"price': "5"}))),
    kept("symbol number:5/USD", v2(v2_trade(symbol='"number:5/USD"')), symbol="number:5/USD"),
    kept("order type like a price", v2(v2_trade(ord_type='"\\"price\\":5,"')), order_type='"price":5,'),
    *(kept(f"v1 time {sent}", in_v1(v1_trade(time=sent)), {"timestamp": time}) for sent, time in (
        ("0", "1970-01-01 00:00:00.000000"), ("1618678142.5575350000000", "2021-04-17 16:49:02.557535"),
        ("10413791999.999999", "2299-12-31 23:59:59.999999"),
    )),
    *(kept(f"v1 time {sent}", in_v1(v1_trade(time=sent)), "time_not_exact")
        for sent in ("10413792000", "99999999999", "100000000000")),
    *(kept(f"v2 time {sent}", v2(v2_trade(timestamp=f'"{sent}"')), {"timestamp": time}) for sent, time in (
        ("2299-12-31T23:59:59.999999Z", "2299-12-31 23:59:59.999999"),
        (f"2026-09-26T18:09:13.5{'0' * 40}Z", "2026-09-26 18:09:13.500000"),
    )),
    *(kept(f"v2 time {sent}", v2(v2_trade(timestamp=f'"{sent}"')), "time_not_exact") for sent in (
        "2026-01-00T00:00:00Z", "1900-02-29T00:00:00Z", "0000-01-01T00:00:00Z", "1899-12-31T23:59:59Z",
        "2300-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    )),
    Case(
        "equal trades of a v1 frame", in_v1(v1_trade(), v1_trade(), v1_trade("1e400")).encode(),
        bronze=[{"occurrence": "0"}, {"occurrence": "1"}, {"occurrence": "0"}],
        silver=[{"source_index": "0"}, {"source_index": "1"}, "price_not_exact"],
    ),
]  # fmt: skip
CASES: Final[Mapping[str, Sequence[Case]]] = {"binance": [*JSON, *INTEGERS, *NUMBERS], "kraken": KRAKEN}
