"""Kraken v2: frames of another shape than the recorded ones."""

from harness.synthetic.nasty import object_text, quoted, renamed
from harness.synthetic.nasty.kraken.objects.tape import KEYS, Fields, Tape, update


def empty_data(_: Tape) -> list[str]:
    """No trade in the frame, or no trades in `data`."""
    frames = [update(), update(kind="snapshot")]
    texts = ("null", "{}", '""', "0", "[[]]", "[null]", "[{}]", '["trade"]', "[42]")
    return [*frames, *(f'{{"channel":"trade","type":"update","data":{text}}}' for text in texts)]


def missing_fields(tape: Tape) -> list[str]:
    """Each field of trade and frame left out once."""
    envelope = [
        f'{{"channel":"trade","data":[{tape.trade()}]}}',
        f'{{"type":"update","data":[{tape.trade()}]}}',
        '{"channel":"trade","type":"update"}',
    ]
    return [*(tape.frame(**{key: None}) for key in KEYS), *envelope]


def null_fields(tape: Tape) -> list[str]:
    """Each field null once."""
    return [tape.frame(**{key: "null"}) for key in KEYS]


def wrong_types(tape: Tape) -> list[str]:
    """Strings, booleans and containers where numbers belong, and the other way round."""
    changes: tuple[Fields, ...] = (
        {"price": '"84095.7"'},
        {"qty": '"0.00275723"'},
        {"price": '"84095.7"', "qty": '"0.00275723"'},
        {"price": '"abc"'},
        {"price": '""'},
        {"price": "true"},
        {"price": "[84095.7]"},
        {"price": '{"value":84095.7}'},
        {"qty": "false"},
        {"qty": "{}"},
        {"symbol": "42"},
        {"symbol": '["BTC/USD"]'},
        {"side": "1"},
        {"side": "true"},
        {"ord_type": "7"},
        {"ord_type": "{}"},
        {"trade_id": '"70900001"'},
        {"trade_id": "true"},
        {"trade_id": "[70900002]"},
        {"trade_id": '"abc"'},
    )
    envelope = [
        f'{{"channel":["trade"],"type":"update","data":[{tape.trade()}]}}',
        f'{{"channel":"trade","type":7,"data":[{tape.trade()}]}}',
        f'{{"channel":"trade","type":"update","data":{tape.trade()}}}',
    ]
    return [*(tape.frame(**change) for change in changes), *envelope]


def one_bad_among_good(tape: Tape) -> list[str]:
    """Three trades in a frame, one of them broken in some way."""
    changes: tuple[Fields, ...] = (
        {"price": None},
        {"price": "null"},
        {"price": '"abc"'},
        {"qty": "1.0000000000000000001"},
        {"price": "100000000000000000000"},
        {"side": '"x"'},
        {"qty": "0"},
        {"timestamp": '"yesterday"'},
        {"trade_id": None},
        {"symbol": None},
    )
    frames = [update(tape.trade(), tape.trade(**change), tape.trade()) for change in changes]
    return [*frames, update(tape.trade(), "null", tape.trade()), update(tape.trade(), "[]", '"x"')]


def renamed_fields(tape: Tape) -> list[str]:
    """Each field under another name; `data` and `channel` renamed."""
    names = {"symbol": "pair", "side": "direction", "price": "px", "qty": "volume"}
    names |= {"ord_type": "order_type", "trade_id": "id", "timestamp": "time"}
    frames = [update(object_text(renamed(tape.fields(), old, new))) for old, new in names.items()]
    return [*frames, tape.frame().replace('"data"', '"trades"'), tape.frame().replace('"channel"', '"topic"')]


def extra_fields(tape: Tape) -> list[str]:
    """Unknown fields, one of 60,000 characters."""
    extras: tuple[Fields, ...] = (
        {"liquidation": "true"},
        {"note": '"µ, ₿, 币"'},
        {"note": '"a \\"quoted\\" word, a ], a \\\\ and a }"'},
        {"list": "[[1,2],[3,[4,[5]]]]"},
        {"none": "null"},
        {"padding": quoted("x" * 60_000)},
    )
    top = tape.frame()
    return [*(tape.frame(**extra) for extra in extras), f'{top[:-1]},"sequence":1,"req_id":null}}']


def nested_namesakes(tape: Tape) -> list[str]:
    """Unknown objects that hold fields named like a trade's, before and after the trade's own."""
    nested = '{"symbol":"ETH/BTC","side":"buy","price":1.5,"qty":2.5,"trade_id":1,"timestamp":"1970-01-01"}'
    return [
        update(f'{{"before":{nested},{tape.trade()[1:]}'),
        tape.frame(after=nested),
        f'{{"meta":{{"data":[{nested}],"channel":"book"}},{tape.frame()[1:]}',
        f'{tape.frame()[:-1]},"meta":{{"data":[{nested}],"channel":"book"}}}}',
    ]


def whitespace_and_order(tape: Tape) -> list[str]:
    """Spaces, tabs, line ends and other orders of keys."""
    spaced = ", ".join(f'"{key}" : {value}' for key, value in tape.fields().items())
    lines = ",\n".join(f'\t"{key}":\t{value}' for key, value in tape.fields().items())
    return [
        update(object_text(dict(reversed(tape.fields().items())))),
        update(object_text(dict(sorted(tape.fields().items())))),
        f'{{"data":[{tape.trade()}],"type":"update","channel":"trade"}}',
        f'{{ "channel" : "trade" , "type" : "update" , "data" : [ {{ {spaced} }} ] }}',
        f'{{\r\n"channel":"trade",\n"type":"update",\n"data":[\n{{\n{lines}\n}}\n]\n}}\n',
        f"  {tape.frame()}  ",
        update(tape.trade(), f"\n {tape.trade()}", f"\t{tape.trade()} "),
    ]


def unicode_escapes(tape: Tape) -> list[str]:
    """Escapes in values and keys: the same trade to a JSON parser, another text."""
    return [
        tape.frame(symbol='"BTC\\/USD"'),
        tape.frame(symbol='"\\u0042\\u0054\\u0043/US\\u0044"'),
        tape.frame(side='"\\u0062uy"'),
        tape.frame(timestamp='"2026-02-03T04:05:06.5\\u0030\\u0030000Z"'),
        tape.frame(ord_type='"l\\u0069mit"'),
        tape.frame().replace('"price":', '"\\u0070rice":'),
        tape.frame().replace('"data":', '"d\\u0061ta":'),
        tape.frame().replace('"channel":"trade"', '"channel":"tr\\u0061de"'),
        tape.frame(note='"\\/ \\b \\f \\n \\r \\t \\u20bf \\ud83d\\ude80"'),
    ]


def lone_surrogates(tape: Tape) -> list[str]:
    """Escapes of half a surrogate pair."""
    return [tape.frame(symbol='"BTC\\ud800/USD"'), tape.frame(note='"\\udc00"')]


def kinds(tape: Tape) -> list[str]:
    """`type` snapshot, unknown, empty and in capitals."""
    return [update(tape.trade(), kind=kind) for kind in ("snapshot", "delete", "", "UPDATE")]


def control_frames(_: Tape) -> list[str]:
    """Heartbeat, status, acknowledgements, errors, pong."""
    times = '"time_in":"2026-02-03T04:05:06.775238Z","time_out":"2026-02-03T04:05:06.775279Z"'
    return [
        '{"channel":"heartbeat"}',
        '{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"maintenance","api_version":"v2",'
        '"connection_id":16763580994566763544,"upcoming_maintenance":[],"emergency":[]}]}',
        f'{{"method":"subscribe","result":{{"channel":"trade","snapshot":true,"symbol":"BTC/USD"}},"success":true,{times}}}',
        '{"method":"subscribe","success":false,"error":"Currency pair not supported PUPS/USD","req_id":42}',
        f'{{"method":"unsubscribe","result":{{"channel":"trade","symbol":"BTC/USD"}},"success":true,{times}}}',
        f'{{"method":"pong","req_id":42,{times}}}',
        '{"error":"Malformed request","method":null,"success":false}',
    ]


def other_channels(tape: Tape) -> list[str]:
    """Ticker, book, ohlc and channels whose name is nearly `trade`."""
    return [
        '{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":84095.6,"bid_qty":0.5,"ask":84095.7,'
        '"ask_qty":1.25,"last":84095.7,"volume":1043.1,"vwap":84100.2,"low":83000.0,"high":85000.0,"change":10.1,'
        '"change_pct":0.01}]}',
        '{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[{"price":84095.6,"qty":0.5}],"asks":[],'
        '"checksum":2439117997}]}',
        '{"channel":"ohlc","type":"update","timestamp":"2026-02-03T04:05:06.775279Z","data":[{"symbol":"BTC/USD",'
        '"open":84095.7,"high":84095.7,"low":84095.7,"close":84095.7,"trades":1,"volume":0.5,"vwap":84095.7,'
        '"interval_begin":"2026-02-03T04:05:00.000000000Z","interval":1,"timestamp":"2026-02-03T04:06:00.000000Z"}]}',
        tape.frame().replace('"channel":"trade"', '"channel":"trades"'),
        tape.frame().replace('"channel":"trade"', '"channel":"Trade"'),
        tape.frame().replace('"channel":"trade"', '"channel":"brandNew"'),
    ]


SECTIONS = (
    empty_data,
    missing_fields,
    null_fields,
    wrong_types,
    one_bad_among_good,
    renamed_fields,
    extra_fields,
    nested_namesakes,
    whitespace_and_order,
    unicode_escapes,
    lone_surrogates,
    kinds,
    control_frames,
    other_channels,
)
