"""Reading and writing captures, and refusing what is none."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from harness import captures
from harness.captures import (
    CapturedFrame,
    CaptureError,
    CaptureWriter,
    metadata_path,
    read_capture,
    read_in_turn,
    read_merged,
)

SHARED = Path(__file__).parents[4] / "shared" / "captures"
needs_captures = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no recordings at {SHARED}")
TRADE = '{"e":"trade","s":"BTCUSDT","t":1}'
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
packed = pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS.keys())


def line(recv_ns: object = 1, exchange: object = "binance", frame: object = TRADE, **more: object) -> bytes:
    return json.dumps({"recv_ns": recv_ns, "exchange": exchange, "frame": frame, **more}).encode() + b"\n"


def capture(directory: Path, *lines: bytes, name: str = "x.jsonl") -> Path:
    path = directory / name
    path.write_bytes(b"".join(lines))
    return path


@packed
def test_frames_come_back_exactly_and_in_order_whatever_the_compression(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    texts = [TRADE, '{"s":"币安人生USDT","x":"\\ud800\\n"}', "", "not JSON \x00\x7f", '  "\\u0041"  ']
    path = capture(tmp_path, pack(b"".join(line(n, frame=text) for n, text in enumerate(texts))))
    assert list(read_capture(path)) == [
        CapturedFrame(n, "binance", text.encode(), n + 1, path) for n, text in enumerate(texts)
    ]


def test_the_last_line_may_lack_its_end_and_blank_lines_are_skipped_but_counted(tmp_path: Path) -> None:
    path = capture(tmp_path, line(1), b"\n", b"  \r\n", line(2), line(3, conn="a-7").rstrip(b"\n"))
    assert [(frame.recv_ns, frame.line) for frame in read_capture(path)] == [(1, 1), (2, 4), (3, 5)]


def test_line_numbers_go_on_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captures, "_READ_BYTES", 100)
    lines = [line(n, frame="x" * (n % 250)) for n in range(200)]
    path = capture(tmp_path, *lines[:90], b"\n", *lines[90:])
    numbers = [frame.line for frame in read_capture(path)]
    assert numbers == [*range(1, 91), *range(92, 202)]


@packed
def test_a_file_of_several_compressed_parts_is_read_to_its_end(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = capture(tmp_path, *(pack(line(n)) for n in range(5)))
    assert [frame.recv_ns for frame in read_capture(path)] == [0, 1, 2, 3, 4]


WRONG_LINES = {
    "not JSON": (b"recv_ns,exchange,frame\n", "malformed"),
    "binary": (bytes(range(128, 256)) + b"\n", "malformed"),
    "an array": (b"[1]\n", "Expected `object`, got `array`"),
    "no frame": (b'{"recv_ns":1,"exchange":"binance"}\n', "missing required field `frame`"),
    "no recv_ns": (b'{"exchange":"binance","frame":""}\n', "missing required field `recv_ns`"),
    "recv_ns is text": (line("1"), "Expected `int`, got `str` - at `$.recv_ns`"),
    "recv_ns has a fraction": (line(1.5), "Expected `int`, got `float` - at `$.recv_ns`"),
    "recv_ns is negative": (line(-1), "`$.recv_ns`"),
    "recv_ns is too large": (line(2**63), "`$.recv_ns`"),
    "frame is an object": (line(frame={}), "Expected `str`, got `object` - at `$.frame`"),
    "frame is not Unicode": (b'{"recv_ns":1,"exchange":"binance","frame":"\\ud800"}\n', "line 3"),
    "nested": (b'{"x":' * 100_000 + b"\n", "recursion"),
}


@packed
@pytest.mark.parametrize(("wrong", "why"), WRONG_LINES.values(), ids=WRONG_LINES.keys())
def test_a_wrong_line_is_named_with_what_was_found_and_what_belongs_there(
    tmp_path: Path, pack: Callable[[bytes], bytes], wrong: bytes, why: str
) -> None:
    path = capture(tmp_path, pack(b"".join([line(1), line(2), wrong, line(3)])))
    frames = read_capture(path)
    assert [next(frames).recv_ns, next(frames).recv_ns] == [1, 2]
    with pytest.raises(CaptureError) as raised:
        next(frames)
    message = str(raised.value)
    assert message.startswith(f"{path}, line 3: ")
    assert why in message
    assert repr(wrong.rstrip(b"\n")[:80]) in message
    assert '{"recv_ns": <ns, integer>' in message


def test_an_exchange_that_is_not_supported_is_refused_with_those_that_are(tmp_path: Path) -> None:
    path = capture(tmp_path, line(1), line(2, "coinbase"))
    with pytest.raises(CaptureError, match=r"line 2: exchange 'coinbase' is not supported, only binance, kraken"):
        list(read_capture(path))


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "zstd"])
@pytest.mark.parametrize("keep", [0.3, 0.7, 0.999])
def test_a_truncated_file_is_refused_and_not_taken_for_a_short_one(
    tmp_path: Path, pack: Callable[[bytes], bytes], keep: float
) -> None:
    whole = pack(b"".join(line(n * 7919 % 100_003, frame=f"{n * 104_729}") for n in range(5000)))
    path = capture(tmp_path, whole[: int(len(whole) * keep)])
    with pytest.raises(CaptureError, match=r"damaged after line \d+ .*, `k2 mend .*; else fetch or record it"):
        list(read_capture(path))


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor(write_checksum=True).compress])
def test_a_flipped_bit_is_refused(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    whole = bytearray(pack(b"".join(line(n, frame=f"{n * 104_729}") for n in range(5000))))
    whole[len(whole) // 2] ^= 0x10
    with pytest.raises(CaptureError):
        list(read_capture(capture(tmp_path, bytes(whole))))


@packed
@pytest.mark.parametrize("content", [b"", b"\n\n"], ids=["empty", "blank lines"])
def test_a_file_without_a_frame_is_refused(tmp_path: Path, pack: Callable[[bytes], bytes], content: bytes) -> None:
    with pytest.raises(CaptureError, match="holds no frame at all"):
        list(read_capture(capture(tmp_path, pack(content))))


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_what_is_no_readable_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CaptureError, match=r"cannot be read \(.+\); check path and permissions"):
        list(read_capture(tmp_path / name))


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_a_bomb_is_refused_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    monkeypatch.setattr(captures, "LINE_LIMIT_BYTES", 4_000_000)
    zeros = bytes(10_000_000)
    packing = io.BytesIO()
    stream = (
        gzip.GzipFile(fileobj=packing, mode="wb", compresslevel=9)
        if suffix == "gz"
        else zstandard.ZstdCompressor(level=19).stream_writer(packing, closefd=False)
    )
    stream.write(line(1))
    for _ in range(10):
        stream.write(zeros)
    stream.close()
    path = capture(tmp_path, packing.getvalue())
    assert path.stat().st_size < 200_000
    tracemalloc.start()
    try:
        with pytest.raises(CaptureError, match="line 2: exceeds 4,000,000 bytes"):
            list(read_capture(path))
        assert tracemalloc.get_traced_memory()[1] < 60_000_000
    finally:
        tracemalloc.stop()


def test_a_large_frame_is_read_whole(tmp_path: Path) -> None:
    frame = "x" * 3_000_000
    path = capture(tmp_path, line(1), line(2, frame=frame), line(3))
    assert [len(captured.frame) for captured in read_capture(path)] == [len(TRADE), 3_000_000, len(TRADE)]


def test_captures_in_turn_keep_the_order_given(tmp_path: Path) -> None:
    later = capture(tmp_path, line(50), line(51), name="a.jsonl")
    earlier = capture(tmp_path, line(10), line(11), name="b.jsonl")
    assert [frame.recv_ns for frame in read_in_turn([later, earlier])] == [50, 51, 10, 11]


def test_merged_captures_are_ordered_by_receive_time_and_by_the_order_given(tmp_path: Path) -> None:
    one = capture(tmp_path, line(1, frame="a1"), line(5, frame="a2"), line(5, frame="a3"), name="a.jsonl")
    two = capture(tmp_path, line(0, frame="b1"), line(5, frame="b2"), line(9, frame="b3"), name="b.jsonl")
    assert [frame.frame.decode() for frame in read_merged([one, two])] == ["b1", "a1", "a2", "a3", "b2", "b3"]
    assert [frame.frame.decode() for frame in read_merged([two, one])] == ["b1", "a1", "b2", "a2", "a3", "b3"]


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.jsonl.zst"])
def test_what_is_written_is_read_back_and_depends_on_nothing_else(tmp_path: Path, name: str) -> None:
    frames = [(n * 17, "kraken" if n % 3 else "binance", f'{{"é":"{n}\\n"}}'.encode()) for n in range(2000)]
    contents = []
    for directory in (tmp_path / "one", tmp_path / "two"):
        directory.mkdir()
        with CaptureWriter(directory / name) as writer:
            for frame in frames:
                writer.write(*frame)
        contents.append((directory / name).read_bytes())
        assert [(f.recv_ns, f.exchange, f.frame) for f in read_capture(directory / name)] == frames
        assert [path.name for path in directory.iterdir()] == [name]
    assert contents[0] == contents[1]
    if name.endswith(".gz"):
        assert contents[0][3:8] == bytes(5)  # RFC 1952: no name in the header, no time


def test_a_writer_that_fails_leaves_no_file(tmp_path: Path) -> None:
    def fail() -> None:
        with CaptureWriter(tmp_path / "x.jsonl.gz") as writer:
            writer.write(1, "binance", b"{}")
            raise RuntimeError("recording broke")

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("recv_ns", "exchange", "frame", "why"),
    [
        (1, "gemini", b"{}", "exchange 'gemini' is not supported"),
        (-1, "binance", b"{}", "recv_ns -1 is no time"),
        (2**63, "binance", b"{}", "is no time"),
        (1, "binance", b"\xff", "is not UTF-8"),
    ],
)
def test_a_writer_refuses_what_a_reader_would(
    tmp_path: Path, recv_ns: int, exchange: str, frame: bytes, why: str
) -> None:
    with CaptureWriter(tmp_path / "x.jsonl") as writer, pytest.raises(CaptureError, match=why):
        writer.write(recv_ns, exchange, frame)


def test_a_capture_is_named_by_its_compression(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"ends in one of \.jsonl\.gz, \.jsonl\.zst, \.jsonl"):
        CaptureWriter(tmp_path / "x.json")
    assert metadata_path(Path("replays/quiet.jsonl.gz")) == Path("replays/quiet.meta.json")
    assert metadata_path(Path("replays/quiet.v2.jsonl")) == Path("replays/quiet.v2.meta.json")


@needs_captures
@pytest.mark.parametrize("name", ["kraken-v1book-1", "binance-aggtrade-1"])
def test_real_recordings_are_written_back_byte_for_byte(tmp_path: Path, name: str) -> None:
    source, copy = SHARED / f"{name}.jsonl.gz", tmp_path / "copy.jsonl.gz"
    with CaptureWriter(copy) as writer:
        for frame in read_capture(source):
            writer.write(frame.recv_ns, frame.exchange, frame.frame)
    assert gzip.decompress(copy.read_bytes()) == gzip.decompress(source.read_bytes())


def test_a_link_that_lies_where_a_capture_is_begun_is_not_followed(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("kept")
    (tmp_path / "x.jsonl.part").symlink_to(theirs)
    with CaptureWriter(tmp_path / "x.jsonl") as writer:
        writer.write(1, "binance", TRADE.encode())
    assert theirs.read_text() == "kept"
    assert not (tmp_path / "x.jsonl").is_symlink()
    assert [each.frame for each in read_capture(tmp_path / "x.jsonl")] == [TRADE.encode()]


def test_a_capture_that_could_not_be_finished_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gzip.GzipFile, "close", full)
    with pytest.raises(OSError, match="No space"), CaptureWriter(tmp_path / "x.jsonl.gz"):
        pass
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []
