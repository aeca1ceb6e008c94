"""Cutting a connection's bytes into messages: all that arrives comes out, in order, however it was cut up."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from k2pipeline.feed.frames import FrameReader

LIMIT = 100_000


def encoded(opcode: Opcode, payload: bytes, fin: bool = True) -> bytes:
    """A server's frame, by the library itself."""
    return Frame(opcode, payload, fin).serialize(mask=False)


def text(payload: bytes) -> bytes:
    return encoded(Opcode.TEXT, payload)


def read(reader: FrameReader, *pieces: bytes) -> list[bytes | tuple[bytes]]:
    """What comes out, in order: a message as itself, anything else in a tuple."""
    out: list[bytes | tuple[bytes]] = []
    for piece in pieces:
        for messages, other in reader.feed(piece):
            out += messages
            if other:
                out.append((other,))
    return out


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:stop] for start, stop in itertools.pairwise(places)]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535])
def test_text_of_every_length_comes_out_as_it_was(size: int) -> None:
    payload = b"x" * size
    assert read(FrameReader(LIMIT), text(payload) + text(b"{}")) == [payload, b"{}"]


def test_text_above_64_kib_is_left_to_the_library_whole() -> None:
    frame = text(b"x" * 65_536)
    assert read(FrameReader(LIMIT), frame[:9], frame[9:70], frame[70:] + text(b"{}")) == [(frame,), b"{}"]


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG, Opcode.BINARY])
def test_frames_of_other_kinds_are_handed_on_in_their_place(opcode: Opcode) -> None:
    other = encoded(opcode, b"abc")
    assert read(FrameReader(LIMIT), text(b"1") + other + text(b"2")) == [b"1", (other,), b"2"]


def test_fragments_and_what_stands_between_them_are_handed_on() -> None:
    frames = [
        encoded(Opcode.TEXT, b"1", fin=False),
        encoded(Opcode.PING, b""),
        encoded(Opcode.CONT, b"2", fin=False),
        encoded(Opcode.CONT, b"3"),
    ]
    assert read(FrameReader(LIMIT), b"".join(frames) + text(b"4")) == [*((frame,) for frame in frames), b"4"]


def test_all_after_a_closing_frame_is_handed_on_uncut() -> None:
    close = encoded(Opcode.CLOSE, b"\x03\xe8")
    assert read(FrameReader(LIMIT), text(b"1") + close + text(b"2"), text(b"3")) == [
        b"1",
        (close,),
        (text(b"2"),),
        (text(b"3"),),
    ]


BROKEN = {
    "masked": Frame(Opcode.TEXT, b"abc").serialize(mask=True),
    "reserved bit": b"\xc1\x01x",
    "unknown opcode": b"\x83\x01x",
    "goes on with nothing": encoded(Opcode.CONT, b"x"),
    "too long, by 2 bytes of length": b"\x81\x7e\xff\xff" + b"x" * 10,
    "too long, by 8 bytes of length": b"\x81\x7f" + (2**62).to_bytes(8, "big") + b"x" * 10,
    "text within a fragmented one": encoded(Opcode.TEXT, b"1", fin=False) + text(b"2"),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_from_a_broken_frame_on_everything_is_handed_on(broken: bytes) -> None:
    out = read(FrameReader(1_000), text(b"before") + broken + text(b"after"), text(b"later"))
    assert out[0] == b"before"
    assert all(isinstance(piece, tuple) for piece in out[1:])
    assert b"".join(piece[0] for piece in out[1:]) == broken + text(b"after") + text(b"later")  # type: ignore[misc]


FRAMES = st.one_of(
    st.binary(max_size=300).map(text),
    st.integers(60_000, 70_000).map(lambda size: text(b"x" * size)),
    st.binary(max_size=100).map(lambda payload: encoded(Opcode.PING, payload)),
    st.lists(st.binary(max_size=20), min_size=2, max_size=4).map(
        lambda parts: (
            encoded(Opcode.TEXT, parts[0], fin=False)
            + b"".join(encoded(Opcode.CONT, part, fin=False) for part in parts[1:-1])
            + encoded(Opcode.CONT, parts[-1])
        )
    ),
)


@given(frames=st.lists(FRAMES, max_size=12), cuts=st.lists(st.integers(0, 2**20), max_size=12))
def test_however_the_bytes_are_cut_up_the_same_comes_out(frames: list[bytes], cuts: list[int]) -> None:
    data = b"".join(frames)
    assert read(FrameReader(LIMIT), *pieces_of(data, cuts)) == read(FrameReader(LIMIT), data)


@given(payloads=st.lists(st.binary(max_size=200), max_size=8))
def test_byte_by_byte_nothing_is_lost(payloads: list[bytes]) -> None:
    data = b"".join(map(text, payloads))
    assert read(FrameReader(LIMIT), *(data[at : at + 1] for at in range(len(data)))) == payloads


def test_what_is_not_complete_is_waited_for_and_not_joined_at_every_read() -> None:
    frame = text(b"x" * 60_000)
    reader = FrameReader(LIMIT)
    assert read(reader, *(frame[at : at + 1000] for at in range(0, 60_000, 1000))) == []
    assert len(reader._parts) > 50
    assert read(reader, frame[60_000:]) == [b"x" * 60_000]
