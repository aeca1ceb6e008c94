import pytest
from hypothesis import given
from hypothesis import strategies as st

from k2pipeline.warehouse.http.sql_tokens import Kind, tokens


def words(sql: bytes) -> list[bytes]:
    return [token.text for token in tokens(sql)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (b"SELECT 1", [b"SELECT", b"1"]),
        (b"a/* ; ' */b--;\nc# ;\nd#!;", [b"a", b"b", b"c", b"d"]),
        (b"'a;''b\\';c' x", [b"'a;''b\\';c'", b"x"]),
        (b'"a;""b" `c;``d`', [b'"a;""b"', b"`c;``d`"]),
        (b"$$a;'b$$ $tag$;$$;$tag$", [b"$$a;'b$$", b"$tag$;$$;$tag$"]),
        (b"a.b[1]", [b"a", b".", b"b", b"[", b"1", b"]"]),
        (b"1e5 0xff 1_000", [b"1e5", b"0xff", b"1_000"]),
        (b"a -- '", [b"a"]),
        (b"a 'bc", [b"a", b"'"]),
        (b"a /* bc", [b"a", b"/*"]),
        (b"'\xff\xfe' \xc3\xbc", [b"'\xff\xfe'", b"\xc3", b"\xbc"]),
    ],
)
def test_quotes_and_comments_hide_what_is_in_them(sql: bytes, expected: list[bytes]) -> None:
    assert words(sql) == expected


def test_depth_counts_the_brackets_around_a_token() -> None:
    found = [(token.text, token.depth) for token in tokens(b"a(b[c]{d})e)f")]
    assert found == [
        *((b"a", 0), (b"(", 0), (b"b", 1), (b"[", 1), (b"c", 2), (b"]", 1), (b"{", 1), (b"d", 2), (b"}", 1)),
        *((b")", 0), (b"e", 0), (b")", 0), (b"f", 0)),
    ]


@given(st.binary(max_size=200))
def test_any_bytes_are_cut_into_pieces_in_order(sql: bytes) -> None:
    end = 0
    for token in tokens(sql):
        assert token.start >= end
        assert sql[token.start : token.end] == token.text != b""
        end = token.end


@given(st.text(max_size=50))
def test_quoted_text_is_one_token(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    found = list(tokens(f"SELECT '{escaped}'".encode("utf-8", "surrogatepass")))
    assert [token.kind for token in found] == [Kind.WORD, Kind.STRING]


def test_long_literal_is_read_in_one_step() -> None:
    sql = b"SELECT '" + b"a\\'b''" * 500_000 + b"'"
    assert len(list(tokens(sql))) == 2
