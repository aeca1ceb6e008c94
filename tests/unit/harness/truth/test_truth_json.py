import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.truth.json_text import Json, NotJson, Number, integer, is_text, read_json

VALID: list[tuple[bytes, Json]] = [
    (b"null", None),
    (b" true\n", True),
    (b"\t[false, [], {}]\r\n", [False, [], {}]),
    (b'""', ""),
    (b'{"a":{"b":["c"]},"d":""}', {"a": {"b": ["c"]}, "d": ""}),
    (b'{"":1}', {"": Number("1")}),
    (b"-0", Number("-0")),
    (b"84095.70", Number("84095.70")),
    (b"[0.10, 1E+5, 1e-400, 1e400]", [Number(text) for text in ("0.10", "1E+5", "1e-400", "1e400")]),
    (b"123456789012345678901234567890", Number("123456789012345678901234567890")),
    (b'{"a":1,"b":2,"a":[3]}', {"a": Number("1"), "b": Number("2")}),
    (b'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u20ac\\u0000"', '"\\/\b\f\n\r\t\u20ac\x00'),
    (b'"\\ud83d\\ude80"', "\U0001f680"),
    (b'{"\\u0070":"\\u0071"}', {"p": "q"}),
    ('"\u20ac\x7f"'.encode(), "\u20ac\x7f"),
    (b'\xef\xbb\xbf{"a":1}', {"a": Number("1")}),
]
INVALID = [
    *(b"", b" ", b"\x00", b"undefined", b"nul", b"nulll", b"True", b"NaN", b"-Infinity", b"Infinity", b"'a'"),
    *(b"01", b"-", b"+1", b".5", b"1.", b"1.e5", b"1e", b"1e+", b"0x10", b"1_000", b"--1", b"- 1"),
    *(b"[", b"]", b"[}", b"[1", b"[1,", b"[1,]", b"[,1]", b"[1 2]", b"[1:2]", b"[]]", b"[[]", b"[1]x", b"[1][2]"),
    *(b"{", b"}", b"{]", b'{"a"', b'{"a":', b'{"a":1', b'{"a":1,', b'{"a":1,}', b'{,"a":1}', b'{"a" 1}', b'{"a",1}'),
    *(b"{1:2}", b'{"a":1 "b":2}', b'{"a":}', b'{"a"::1}', b"{null:1}", b'{"a":1}}', b'{"a":1}{"b":2}', b"{a:1}"),
    *(
        b'"',
        b'"a',
        b'"\\"',
        b'"\\q"',
        b'"\\u12"',
        b'"\\u12g4"',
        b'"\\U0001f680"',
        b'"\n"',
        b'"\t"',
        b'"\x00"',
        b'"\x1f"',
    ),
    *(b'"\\ud800"', b'"\\udc00"', b'"\\ud83d\\u0041"', b'"\\ude80\\ud83d"', b'{"\\ud800":1}', b'{"a":["\\udfff"]}'),
    *(b'"\xff"', b'{"\xff":1}', b'"\xed\xa0\x80"', b'"\xc0\xaf"', b'"\xf4\x90\x80\x80"', b"\xfe\xff\x00[\x00]"),
    *(b"\x0c[]", b"\xc2\xa0[]", b"[]\x00", b"[]//comment", b"/**/[]", b"1 2", b"1,2", b':"a"', b","),
    b"\xef\xbb\xbf\xef\xbb\xbf[]",
]


@pytest.mark.parametrize(("text", "value"), VALID, ids=lambda each: repr(each)[:40])
def test_json_text_has_its_value_and_numbers_keep_their_text(text: bytes, value: Json) -> None:
    read = read_json(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("text", INVALID, ids=lambda each: repr(each)[:40])
def test_what_is_no_json_text_is_refused(text: bytes) -> None:
    with pytest.raises(NotJson):
        read_json(text)


@pytest.mark.parametrize(
    ("text", "is_json"),
    [
        (b"[" * 1023 + b"1" + b"]" * 1023, True),
        (b"[" * 1024 + b"1" + b"]" * 1024, False),
        (b"[" * 1024 + b"]" * 1024, True),  # the innermost holds nothing
        (b"[" * 1025 + b"]" * 1025, False),
        (b'{"a":' * 1023 + b"1" + b"}" * 1023, True),
        (b'{"a":' * 1024 + b"1" + b"}" * 1024, False),
    ],
    ids=["1023 arrays", "1024 arrays", "1024 empty", "1025 empty", "1023 objects", "1024 objects"],
)
def test_containers_that_hold_something_nest_1023_deep_and_no_deeper(text: bytes, is_json: bool) -> None:
    if is_json:
        read_json(text)
    else:
        with pytest.raises(NotJson, match="nested deeper"):
            read_json(text)


def test_endless_nesting_is_refused_without_exhausting_the_stack() -> None:
    with pytest.raises(NotJson, match="nested deeper"):
        read_json(b"[" * 1_000_000)


def test_a_number_is_no_text_and_a_text_no_number() -> None:
    assert is_text("1")
    assert not is_text(Number("1"))
    assert integer("1", 0, 9) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("0", 0), ("-0", 0), ("18446744073709551615", 2**64 - 1), ("18446744073709551616", None)),
        *(("-1", None), ("1.0", None), ("1e3", None), ("1" * 5000, None)),
    ],
)
def test_an_integer_is_written_as_one_and_within_its_limits(text: str, value: int | None) -> None:
    assert integer(Number(text), 0, 2**64 - 1) == value


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


SPLINTERS = (b"", *(bytes([byte]) for byte in b'"\\,[]{}0e.-: \n\xff'))


def by_the_book(text: bytes) -> object:
    """What Python's own parser makes of it, told to be strict."""

    def first(pairs: list[tuple[str, object]]) -> dict[str, object]:
        return dict(reversed(pairs))

    def refuse(constant: str) -> object:
        raise ValueError(constant)

    decoded = text.decode().removeprefix("\ufeff")
    value = json.loads(decoded, parse_int=Number, parse_float=Number, parse_constant=refuse, object_pairs_hook=first)
    json.dumps(value, ensure_ascii=False).encode()  # no half of a surrogate pair
    return value


def assert_read_alike(text: bytes) -> None:
    try:
        expected = by_the_book(text)
    except ValueError:
        with pytest.raises(NotJson):
            read_json(text)
    else:
        assert read_json(text) == expected


@example(b'{"a":1,"a":2}')
@given(st.binary(max_size=12) | st.text(alphabet='[]{}",:0e.-\\u tfn', max_size=14).map(str.encode))
def test_reader_agrees_with_pythons_own_on_anything(text: bytes) -> None:
    assert_read_alike(text)


@given(json_values, st.booleans(), st.sampled_from([None, 1]), st.data())
def test_reader_agrees_with_pythons_own_on_json_that_was_broken(
    value: object, ascii_only: bool, indent: int | None, data: st.DataObject
) -> None:
    text = bytearray(json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode())
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place : place + data.draw(st.integers(0, 2))] = data.draw(st.sampled_from(SPLINTERS))
    assert_read_alike(bytes(text))
