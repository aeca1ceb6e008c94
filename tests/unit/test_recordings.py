"""Captures that grow: whole parts, a torn end cut off, nothing else touched."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import IO

import pytest
import zstandard

from harness.captures import read_capture
from k2pipeline import captures
from k2pipeline.captures import CaptureError, Recording, mend
from k2pipeline.cli import main

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
every_suffix = pytest.mark.parametrize("suffix", SUFFIXES)


def record(path: Path, first: int, last: int, flush_every: int = 10) -> None:
    with Recording(path) as recording:
        for number in range(first, last + 1):
            recording.write(number, "kraken", b'{"n":"%d \xc3\xa9"}' % number)
            if number % flush_every == 0:
                recording.flush()


def numbers(path: Path) -> list[int]:
    return [captured.recv_ns for captured in read_capture(path)]


@every_suffix
def test_what_is_flushed_is_there_before_the_recording_ends(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    with Recording(path) as recording:
        for number in range(25):
            recording.write(number, "kraken", b"{}")
            if number in (9, 19):
                recording.flush()
        assert numbers(path) == list(range(20))
        assert recording.size_bytes == path.stat().st_size
    assert numbers(path) == list(range(25))


@every_suffix
def test_a_recording_goes_on_where_the_last_one_ended(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    record(path, 1, 25)
    record(path, 26, 31)
    assert numbers(path) == list(range(1, 32))


@every_suffix
def test_wherever_the_end_is_torn_off_whole_parts_stay_and_recording_goes_on(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    record(path, 1, 40)
    whole = path.read_bytes()
    step = 1 if suffix != ".jsonl" else 7
    for size in range(len(whole) - 60, len(whole), step):
        path.write_bytes(whole[:size])
        cut = mend(path)
        assert path.stat().st_size == size - cut
        kept = numbers(path)
        assert kept == list(range(1, len(kept) + 1))
        assert len(kept) >= 30
        assert mend(path) == 0


@every_suffix
def test_a_file_that_was_torn_in_its_first_part_begins_anew(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    record(path, 1, 5)
    path.write_bytes(path.read_bytes()[:20])
    record(path, 6, 8)
    assert numbers(path) == [6, 7, 8]


@pytest.mark.parametrize("suffix", SUFFIXES[1:])
def test_parts_across_reads_of_the_mender_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(captures, "_READ_BYTES", 7)
    path = tmp_path / f"x{suffix}"
    record(path, 1, 30)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:33])
    assert mend(path) == 33
    assert path.read_bytes() == whole


@pytest.mark.parametrize("suffix", SUFFIXES[1:])
def test_damage_that_is_no_torn_end_is_refused_and_left_as_it_is(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    record(path, 1, 30)
    broken = bytearray(path.read_bytes())
    broken[len(broken) // 2 : len(broken) // 2 + 8] = b"\xff" * 8
    path.write_bytes(bytes(broken))
    with pytest.raises(CaptureError, match=r"damaged after byte \d+ .*; record to another file"), Recording(path):
        pass
    assert path.read_bytes() == bytes(broken)


def test_a_burst_is_flushed_before_it_fills_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captures, "_PART_BYTES", 1_000)
    path = tmp_path / "x.jsonl"
    with Recording(path) as recording:
        for number in range(100):
            recording.write(number, "kraken", b"{}")
        assert recording.size_bytes > 3_000
    assert numbers(path) == list(range(100))


def test_parts_are_ordinary_gzip_and_zstd(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        record(tmp_path / f"x{suffix}", 1, 30)
    plain = (tmp_path / "x.jsonl").read_bytes()
    assert gzip.decompress((tmp_path / "x.jsonl.gz").read_bytes()) == plain
    with (tmp_path / "x.jsonl.zst").open("rb") as file:
        unpacking = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        assert unpacking.read() == plain


def test_a_name_must_say_how_it_is_compressed(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"ends in one of"):
        Recording(tmp_path / "x.json")


@every_suffix
def test_a_torn_capture_is_refused_with_the_command_that_mends_it(
    tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"x{suffix}"
    record(path, 1, 40)
    whole = path.read_bytes()
    path.write_bytes(whole[:-37])
    with pytest.raises(CaptureError, match=re.escape(f"`k2 mend {path}`")):
        numbers(path)
    assert main(["mend", str(path)]) == 0
    assert "bytes cut off" in capsys.readouterr().out
    assert numbers(path) == list(range(1, len(numbers(path)) + 1))
    assert len(numbers(path)) >= 30
    assert main(["mend", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: whole\n"


def test_what_cannot_be_mended_is_exit_2_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged, recorded = tmp_path / "damaged.jsonl.gz", tmp_path / "x.jsonl"
    damaged.write_bytes(b"no gzip at all")
    record(recorded, 1, 3)
    for path, words in (
        (damaged, "damaged after byte 0"),
        (tmp_path / "missing.jsonl", "no such file"),
        (tmp_path / "x.json", "ends in one of"),
    ):
        assert main(["mend", str(path)]) == 2
        assert words in capsys.readouterr().err
    with Recording(recorded):
        assert main(["mend", str(recorded)]) == 2
        assert "a recorder is writing it" in capsys.readouterr().err
        with pytest.raises(CaptureError, match="a recorder is writing it"), Recording(recorded):
            pass
    assert damaged.read_bytes() == b"no gzip at all"


class FullDisk:
    """Has room for five more bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._room = 5

    def write(self, data: memoryview) -> int:
        if not self._room:
            raise OSError(28, "No space left on device")
        self._room -= (written := self._file.write(data[: self._room]))
        return written

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


@every_suffix
def test_a_part_for_which_the_disk_has_no_room_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = tmp_path / f"x{suffix}"
    with Recording(path) as recording:
        recording.write(1, "kraken", b"{}")
        recording.flush()
        monkeypatch.setattr(recording, "_file", FullDisk(recording._file))
        recording.write(2, "kraken", b"{}" * 20)
        with pytest.raises(OSError, match="No space left"):
            recording.flush()
    assert numbers(path) == [1]
    assert recording.size_bytes == path.stat().st_size
