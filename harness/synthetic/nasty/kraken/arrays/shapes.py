"""Kraken v1: frames of another shape than the recorded ones."""

from harness.synthetic.nasty import quoted
from harness.synthetic.nasty.kraken.arrays.tape import KEYS, Fields, Tape, update


def empty_data(_: Tape) -> list[str]:
    """No trade in the frame, or no trades where they belong."""
    texts = ("null", "{}", '""', "0", "[[]]", "[null]", "[[],[]]", '["trade"]', "[42]")
    return [update(), *(f'[321,{text},"trade","XBT/USD"]' for text in texts)]


def missing_elements(tape: Tape) -> list[str]:
    """Each element of trade and frame left out once."""
    single = [tape.frame(**{key: None}) for key in KEYS]
    envelope = [
        f'[321,[{tape.trade()}],"trade"]',
        f'[[{tape.trade()}],"trade","XBT/USD"]',
        '[321,"trade","XBT/USD"]',
        '["trade","XBT/USD"]',
        f'[321,[{tape.trade()}],"XBT/USD"]',
    ]
    return [*single, *envelope]


def null_elements(tape: Tape) -> list[str]:
    """Each element null once."""
    envelope = [f'[null,[{tape.trade()}],"trade","XBT/USD"]', f'[321,[{tape.trade()}],null,"XBT/USD"]']
    return [
        *(tape.frame(**{key: "null"}) for key in KEYS),
        *envelope,
        f'[321,[{tape.trade()}],"trade",null]',
    ]


def wrong_types(tape: Tape) -> list[str]:
    """Numbers, booleans and containers where strings belong, and the other way round."""
    changes: tuple[Fields, ...] = (
        {"price": "57126.70000"},
        {"volume": "0.02063928"},
        {"time": "1770091566.123456"},
        {"price": '"abc"'},
        {"price": '""'},
        {"price": '" 57126.7"'},
        {"price": "true"},
        {"volume": "[]"},
        {"volume": "{}"},
        {"side": "1"},
        {"type": "7"},
        {"misc": "{}"},
    )
    envelope = [
        f'["321",[{tape.trade()}],"trade","XBT/USD"]',
        f'[321,[{tape.trade()}],"trade",42]',
        f'[321,{tape.trade()},"trade","XBT/USD"]',
        f'[321,{{"trades":[{tape.trade()}]}},"trade","XBT/USD"]',
    ]
    return [*(tape.frame(**change) for change in changes), *envelope]


def one_bad_among_good(tape: Tape) -> list[str]:
    """Three trades in a frame, one of them broken in some way."""
    changes: tuple[Fields, ...] = (
        {"price": "null"},
        {"price": '"abc"'},
        {"misc": None},
        {"volume": '"1.0000000000000000001"'},
        {"price": '"100000000000000000000"'},
        {"side": '"x"'},
        {"volume": '"0"'},
        {"time": '"yesterday"'},
    )
    frames = [update(tape.trade(), tape.trade(**change), tape.trade()) for change in changes]
    return [*frames, update(tape.trade(), "null", tape.trade()), update(tape.trade(), "{}", '"x"')]


def extra_elements(tape: Tape) -> list[str]:
    """More elements in trade and frame, one of 60,000 characters; large channel ids."""
    return [
        tape.frame(trade_id="12345"),
        tape.frame(note='"a ], a \\" and a }"', more="[1,[2]]"),
        f'[321,[{tape.trade()}],[{tape.trade()}],"trade","XBT/USD"]',
        f'[321,[{tape.trade()}],"trade","XBT/USD",1]',
        tape.frame(misc=quoted("x" * 60_000)),
        update(tape.trade(), channel="119930881"),
        update(tape.trade(), channel="18446744073709551616"),
    ]


def whitespace(tape: Tape) -> list[str]:
    """Spaces, tabs and line ends."""
    return [
        f' [ 321 , [ {tape.trade()} , {tape.trade()} ] , "trade" , "XBT/USD" ] ',
        f'[\n\t321,\n\t[\r\n{tape.trade()}\n],\n\t"trade",\n\t"XBT/USD"\n]\n',
        tape.frame().replace(",", ", "),
    ]


def unicode_escapes(tape: Tape) -> list[str]:
    """Escapes in values: the same trade to a JSON parser, another text; half a surrogate pair."""
    return [
        tape.frame("XBT\\/USD"),
        tape.frame("\\u0058BT/USD"),
        tape.frame().replace('"trade"', '"tr\\u0061de"'),
        tape.frame(side='"\\u0062"'),
        tape.frame(price='"57126\\u002e7"'),
        tape.frame(misc='"\\ud83d\\ude80 \\t"'),
        tape.frame(misc='"\\ud800"'),
    ]


def control_frames(_: Tape) -> list[str]:
    """Heartbeat, status, acknowledgement, error, pong, an unknown event."""
    return [
        '{"event":"heartbeat"}',
        '{"connectionID":18239578009413566319,"event":"systemStatus","status":"maintenance","version":"1.9.6"}',
        '{"channelID":321,"channelName":"trade","event":"subscriptionStatus","pair":"XBT/USD","status":"subscribed",'
        '"subscription":{"name":"trade"}}',
        '{"errorMessage":"Currency pair not supported PUPS/USD","event":"subscriptionStatus",'
        '"pair":"PUPS/USD","status":"error","subscription":{"name":"trade"}}',
        '{"event":"pong"}',
        '{"event":"brandNew"}',
    ]


def other_channels(tape: Tape) -> list[str]:
    """Spread, ohlc, book with five elements and channels whose name is nearly `trade`."""
    return [
        '[341,["57126.70000","57126.80000","1770091566.197239","0.02167307","6.46761464"],"spread","XBT/USD"]',
        '[343,["1770091566.118218","1770091620.000000","57126.70000","57126.80000","57126.70000","57126.80000",'
        '"57126.73297","0.39012812",7],"ohlc-1","XBT/USD"]',
        '[320,{"a":[["57126.70000","0.02203518","1770091566.177187"]]},{"b":[["57126.60000","0.03017320",'
        '"1770091566.177304"]],"c":"2479000840"},"book-25","XBT/USD"]',
        tape.frame().replace('"trade"', '"trades"'),
        tape.frame().replace('"trade"', '"Trade"'),
        tape.frame().replace('"trade"', '"trade-1"'),
    ]


SECTIONS = (
    empty_data,
    missing_elements,
    null_elements,
    wrong_types,
    one_bad_among_good,
    extra_elements,
    whitespace,
    unicode_escapes,
    control_frames,
    other_channels,
)
