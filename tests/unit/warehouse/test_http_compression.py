import gzip
import zlib
from collections.abc import Callable
from io import BytesIO

import lz4.frame
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.http.compression import ByteSource, chosen_encoding, decoded, encoder

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "lz4": lz4.frame.compress,
    "zstd": zstd.compress,
}
DECOMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "lz4": lz4.frame.decompress,
    "zstd": zstd.decompress,
}
encodings = pytest.mark.parametrize("encoding", COMPRESSORS)


class Trickle:
    """A source that gives a few bytes at a time, whatever is asked for."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data = BytesIO(data)
        self._step = step

    def read(self, size: int, /) -> bytes:
        return self._data.read(min(size, self._step))


def read_all(source: ByteSource, size: int) -> bytes:
    pieces = []
    while piece := source.read(size):
        assert len(piece) <= size
        pieces.append(piece)
    return b"".join(pieces)


@encodings
@given(frames=st.lists(st.binary(max_size=300), max_size=4), step=st.integers(1, 50), size=st.integers(1, 100))
def test_frames_in_any_pieces_are_decoded(encoding: str, frames: list[bytes], step: int, size: int) -> None:
    body = b"".join(map(COMPRESSORS[encoding], frames))
    assert read_all(decoded(Trickle(body, step), encoding), size) == b"".join(frames)


@encodings
@given(data=st.data())
def test_body_that_is_cut_anywhere_is_an_error(encoding: str, data: st.DataObject) -> None:
    body = COMPRESSORS[encoding](b"some rows" * 20)
    cut = data.draw(st.integers(1, len(body) - 1))
    with pytest.raises(WarehouseError, match=f"not valid {encoding}"):
        read_all(decoded(Trickle(body[:cut], 7), encoding), 100)


@encodings
@given(garbage=st.binary(min_size=1, max_size=100))
def test_garbage_is_an_error_or_decoded_but_nothing_else(encoding: str, garbage: bytes) -> None:
    code = None
    try:
        read_all(decoded(BytesIO(garbage), encoding), 100)
    except WarehouseError as error:
        code = error.code
    assert code in (None, 354, 561, 618)


@encodings
def test_body_that_grows_a_thousandfold_is_decoded_in_bounded_pieces(encoding: str) -> None:
    body = COMPRESSORS[encoding](bytes(50_000_000))
    source, total = decoded(BytesIO(body), encoding), 0
    while piece := source.read(65536):
        assert len(piece) <= 65536
        total += len(piece)
    assert total == 50_000_000


@encodings
@given(pieces=st.lists(st.binary(max_size=300), max_size=4))
def test_encoded_pieces_are_one_frame(encoding: str, pieces: list[bytes]) -> None:
    frame = encoder(encoding)
    body = b"".join(frame.encode(piece) for piece in pieces) + frame.finish()
    assert DECOMPRESSORS[encoding](body) == b"".join(pieces)


@encodings
def test_piece_can_be_read_before_the_next_is_made(encoding: str) -> None:
    source = Trickle(encoder(encoding).encode(b"first"), 1000)
    assert decoded(source, encoding).read(100) == b"first"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", None),
        ("identity", None),
        ("br", None),
        ("lz4,zstd,gzip,deflate", "lz4"),
        ("deflate, gzip, br, zstd", "zstd"),
        ("GZIP;q=0.5, deflate", "gzip"),
        ("gzip;q=0, deflate", "deflate"),
        (",;q=,*", None),
    ],
)
def test_fastest_accepted_encoding_is_chosen(accept: str, expected: str | None) -> None:
    assert chosen_encoding(accept) == expected


def test_unknown_encoding_names_the_known_ones() -> None:
    with pytest.raises(WarehouseError, match="deflate, gzip, lz4, x-gzip, zstd") as refused:
        decoded(BytesIO(), "br")
    assert refused.value.http_status == 415
