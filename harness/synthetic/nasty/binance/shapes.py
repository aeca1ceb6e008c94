"""Binance: frames of another shape than the recorded ones."""

from harness.synthetic.nasty import array_text, object_text, quoted, renamed
from harness.synthetic.nasty.binance.tape import Fields, Tape, enveloped


def missing_fields(tape: Tape) -> list[str]:
    """Each field left out once, combined and raw; empty data."""
    single = [frame(**{key: None}) for key in "eEstpqTmM" for frame in (tape.combined, tape.raw)]
    return [
        *single,
        tape.combined(p=None, q=None),
        tape.combined(t=None, T=None),
        enveloped("{}"),
        '{"data":{}}',
    ]


def null_fields(tape: Tape) -> list[str]:
    """Each field null once; data null or an empty list."""
    return [*(tape.combined(**{key: "null"}) for key in "eEstpqTmM"), enveloped("null"), enveloped("[]")]


def wrong_types(tape: Tape) -> list[str]:
    """Numbers, booleans, objects and texts that are no numbers where a decimal string or an id belongs."""
    changes: tuple[Fields, ...] = (
        {"p": "61837.63"},
        {"q": "0.02"},
        {"p": "61837.63", "q": "0.02"},
        {"p": '"abc"'},
        {"p": '""'},
        {"p": '"61,837.63"'},
        {"p": '" 61837.63"'},
        {"p": '"+61837.63"'},
        {"p": '"61837."'},
        {"p": '".5"'},
        {"p": '"NaN"'},
        {"p": '"Infinity"'},
        {"p": '"0x10"'},
        {"p": '{"value":"61837.63"}'},
        {"p": '["61837.63"]'},
        {"p": "true"},
        {"q": "{}"},
        {"s": "42"},
        {"s": '["BTCUSDT"]'},
        {"e": "1"},
        {"M": '"yes"'},
    )
    identity_changes = [tape.combined(t=text) for text in ('"5100000001"', "true", "[5100000002]", '"abc"', '""')]
    return [
        *(tape.combined(**change) for change in changes),
        *identity_changes,
        enveloped('"trade"'),
        enveloped("1"),
    ]


def renamed_fields(tape: Tape) -> list[str]:
    """Each field under a longer name; `data` and `stream` renamed."""
    names = {
        "e": "event",
        "E": "eventTime",
        "s": "symbol",
        "t": "trade_id",
        "p": "price",
        "q": "qty",
        "T": "time",
    }
    names |= {"m": "isBuyerMaker", "M": "isBestMatch"}
    frames = [enveloped(object_text(renamed(tape.fields(), old, new))) for old, new in names.items()]
    return [
        *frames,
        tape.combined().replace('"data"', '"payload"'),
        tape.combined().replace('"stream"', '"channel"'),
    ]


def extra_fields(tape: Tape) -> list[str]:
    """Unknown fields, order ids of before 2023, a field of 60,000 characters."""
    extras: tuple[Fields, ...] = (
        {"st": "1"},
        {"b": "122540296", "a": "122539764"},
        {"note": '"µ, ₿, 币"'},
        {"note": '"a \\"quoted\\" word, a \\\\ and a }"'},
        {"list": "[[1,2],[3,[4,[5]]]]"},
        {"none": "null"},
        {"padding": quoted("x" * 60_000)},
    )
    top = tape.combined()
    return [*(tape.combined(**extra) for extra in extras), tape.raw(b="1", a="2"), f'{top[:-1]},"seq":1}}']


def nested_namesakes(tape: Tape) -> list[str]:
    """Unknown objects that hold fields named like a trade's, before and after the trade's own."""
    nested = '{"e":"other","s":"ETHBTC","t":1,"p":"1.5","q":"2.5","T":1,"m":false}'
    inner, outer, raw = (object_text(tape.fields()) for _ in range(3))
    stream = '"stream":"btcusdt@trade"'
    return [
        enveloped(f'{{"before":{nested},{inner[1:]}'),
        f'{{"meta":{nested},{stream},"data":{outer}}}',
        f'{{"before":{nested},{raw[1:]}',
        f'{{{stream},"data":{object_text(tape.fields())},"meta":{nested}}}',
        tape.combined(after=nested),
    ]


def whitespace_and_order(tape: Tape) -> list[str]:
    """Spaces, tabs, line ends and other orders of keys."""
    reverse = dict(reversed(tape.fields().items()))
    spaced = ", ".join(f'"{key}" : {value}' for key, value in tape.fields().items())
    lines = ",\n".join(f'\t"{key}":\t{value}' for key, value in tape.fields().items())
    return [
        enveloped(object_text(reverse)),
        object_text(dict(reversed(tape.fields().items()))),
        f'{{"data":{object_text(tape.fields())},"stream":"btcusdt@trade"}}',
        f'{{ "stream" : "btcusdt@trade" , "data" : {{ {spaced} }} }}',
        f'{{\r\n"stream":"btcusdt@trade",\n"data":{{\n{lines}\n}}\n}}\n',
        f"  {tape.combined()}  ",
        f"{tape.raw()}\n",
        object_text(dict(sorted(tape.fields().items()))),
    ]


def unicode_escapes(tape: Tape) -> list[str]:
    """Escapes in values and keys: the same trade to a JSON parser, another text."""
    return [
        tape.combined(s='"BTC\\u0055SDT"'),
        tape.combined(s='"\\u0042\\u0054\\u0043\\u0055\\u0053\\u0044\\u0054"'),
        tape.combined(p='"\\u00361837.63000000"'),
        tape.combined(q='"0\\u002e02"'),
        tape.combined(e='"tr\\u0061de"'),
        tape.combined().replace('"p":', '"\\u0070":'),
        tape.raw().replace('"s":', '"\\u0073":'),
        tape.combined().replace('"data":', '"d\\u0061ta":'),
        tape.combined().replace("@trade", "\\u0040trade"),
        tape.combined(note='"\\/ \\b \\f \\n \\r \\t \\u20bf \\ud83d\\ude80"'),
    ]


def lone_surrogates(tape: Tape) -> list[str]:
    """Escapes of half a surrogate pair."""
    return [tape.combined(s='"BTC\\ud800USDT"'), tape.combined(note='"\\udc00"')]


def futures(tape: Tape) -> list[str]:
    """USD-M futures trades: X and no M, combined and raw."""
    frames = []
    for maker in ("false", "true", "true"):
        for wrap in (enveloped, str):
            fields = tape.fields(m=maker, p='"61800.30"', q='"0.006"')
            order = {key: fields[key] for key in ("e", "E", "T", "s", "t", "p", "q")}
            frames.append(wrap(object_text(order | {"X": '"MARKET"', "m": fields["m"]})))
    return frames


def batches(tape: Tape) -> list[str]:
    """Two trades in one frame, which Binance does not do."""
    two = [object_text(tape.fields()) for _ in range(2)]
    return [enveloped(array_text(two)), array_text([tape.combined(), tape.combined()])]


def control_frames(_: Tape) -> list[str]:
    """Acknowledgements, a list of subscriptions, errors."""
    return [
        '{"result":null,"id":1}',
        '{"result":["btcusdt@trade"],"id":3}',
        '{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":1}',
        '{"error":{"code":2,"msg":"Invalid request: missing field `method`"},"id":null}',
        '{"id":7,"result":null}',
        '{"result":null,"id":"d3df5a22"}',
    ]


def other_channels(_: Tape) -> list[str]:
    """The channels bookTicker, aggTrade, depthUpdate, kline and an unknown event, combined and raw."""
    book = '{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.788","a":"61837.64000000","A":"1.546"}'
    aggregate = (
        '{"e":"aggTrade","E":1770091506315,"s":"BTCUSDT","a":665076760,"p":"58001.03000000","q":"0.08620500",'
        '"f":745522877,"l":745522877,"T":1770091506314,"m":true,"M":true}'
    )
    depth = (
        '{"e":"depthUpdate","E":1770091506208,"s":"BTCUSDT","U":50093239189,"u":50093239202,'
        '"b":[["61737.63000000","0.00000000"]],"a":[]}'
    )
    kline = (
        '{"e":"kline","E":1770091506776,"s":"ETHUSDT","k":{"t":1770091500000,"T":1770091559999,"s":"ETHUSDT",'
        '"i":"1m","f":346711017,"L":346711087,"o":"2063.88000000","c":"2064.73000000","h":"2065.00000000",'
        '"l":"2063.88000000","v":"70.86425000","n":71,"x":false,"q":"146321.71560700","V":"46.98201000","Q":"97009.77617410","B":"0"}}'
    )
    suffixes = {book: "bookTicker", aggregate: "aggTrade", depth: "depth@100ms", kline: "kline_1m"}
    combined = [f'{{"stream":"btcusdt@{suffix}","data":{text}}}' for text, suffix in suffixes.items()]
    unknown = '{"e":"brandNew","E":1770091506776,"s":"BTCUSDT","p":"1.00000000"}'
    return [*combined, *suffixes, unknown, f'{{"stream":"btcusdt@brandNew","data":{unknown}}}']


SECTIONS = (
    missing_fields,
    null_fields,
    wrong_types,
    renamed_fields,
    extra_fields,
    nested_namesakes,
    whitespace_and_order,
    unicode_escapes,
    lone_surrogates,
    futures,
    batches,
    control_frames,
    other_channels,
)
