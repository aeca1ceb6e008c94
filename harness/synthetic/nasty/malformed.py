"""Texts that no exchange means as a message, some of them made by spoiling a good one."""

from collections.abc import Callable

from harness.synthetic.nasty import Section, written


def sections(frame: Callable[[], str]) -> list[Section]:
    """Write all of them; `frame` gives another good frame at each call."""
    return written(frame, (byte_order_mark, not_json, not_messages, deep_nesting))


def byte_order_mark(frame: Callable[[], str]) -> list[str]:
    """A byte order mark before a good frame."""
    return ["\ufeff" + frame()]


def not_json(good_frame: Callable[[], str]) -> list[str]:
    """Truncated, empty, binary-looking or otherwise no JSON; many are spoilt copies of a good frame."""
    frame = good_frame()
    texts = [
        "",
        " ",
        "\n",
        "hello",
        "undefined",
        "<html><body><h1>502 Bad Gateway</h1></body></html>",
        "\x00\x01\x02\x7f\ufffd",
        "\x00" * 64,
        "\x1f\ufffd\x08\x00\ufffd\ufffd",
        "{",
        "}",
        "[}",
        *(frame[:length] for length in (1, len(frame) // 4, len(frame) // 2, len(frame) - 2, len(frame) - 1)),
        frame[1:],
        frame + frame,
        frame + "\n" + frame,
        frame + "x",
        frame[:-1] + "," + frame[-1],
        frame.replace('"', "'"),
        frame.replace('"', ""),
        frame.replace(":", "="),
        frame.replace('"trade"', '"tra\nde"'),
        frame.replace('"trade"', '"tra\x00de"'),
        frame.replace('"trade"', '"tra\\qde"'),
        frame.replace('"trade"', "trade"),
        frame + "//comment",
    ]
    return [text for text in texts if text != frame]  # where there is nothing to spoil, a replacement leaves it good


def not_messages(_: Callable[[], str]) -> list[str]:
    """JSON documents that are no message: bare numbers, strings, literals and empty containers."""
    return [
        "42",
        "-1.5e3",
        "0",
        "null",
        "true",
        "false",
        '"trade"',
        '""',
        "[]",
        "{}",
        "[[]]",
        "[null]",
        "[{}]",
        '{"":""}',
    ]


def deep_nesting(_: Callable[[], str]) -> list[str]:
    """Between 5,000 and 100,000 levels of nesting, never closed (no JSON) or closed (JSON)."""
    return [
        "[" * 100_000,
        '{"data":' * 20_000,
        "[" * 5_000 + "]" * 5_000,
        '{"data":' * 5_000 + "1" + "}" * 5_000,
    ]
