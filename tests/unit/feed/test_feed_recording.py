"""When a recorder flushes, rotates, and what it calls its files; by a clock that the test turns."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.captures import read_in_turn
from k2pipeline.captures import Recording
from k2pipeline.exchanges import EXCHANGES
from k2pipeline.feed.continuity import Continuity
from k2pipeline.feed.recording import Recorder, Rotation
from k2pipeline.feed.stats import Stats


class Source:
    conn = "c0ffee"

    def __init__(self) -> None:
        self.continuity = Continuity()
        self.heard: list[str] = []

    def hear(self, channel: str, frame: bytes) -> None:  # noqa: ARG002
        self.heard.append(channel)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def recorder(out: Path, clock: Clock, **rotation: float) -> Recorder:
    return Recorder(EXCHANGES["kraken"], out, Rotation(**rotation), Stats(), clock)  # type: ignore[arg-type]


FRAME = b'{"channel":"trade","data":[]}'


def test_frames_are_on_disk_within_a_second_of_their_coming(tmp_path: Path) -> None:
    clock, out = Clock(), tmp_path / "x.jsonl"
    with recorder(out, clock) as recording:
        recording.accept(Source(), [FRAME], 1)
        clock.now_s = 0.4
        recording.serve()
        assert out.read_bytes() == b""
        clock.now_s = 0.6
        recording.serve()
        assert len(out.read_bytes().splitlines()) == 1


def test_control_frames_are_recorded_and_heard(tmp_path: Path) -> None:
    source = Source()
    with recorder(tmp_path / "x.jsonl", Clock()) as recording:
        recording.accept(source, [b'{"channel":"heartbeat"}', FRAME, b""], 1)
    assert source.heard == ["heartbeat", "empty"]
    assert len(list(read_in_turn(recording.files))) == 3


@pytest.mark.parametrize(
    ("rotation", "moments", "files"),
    [
        ({}, [1, 100, 10_000], 1),
        ({"seconds": 60.0}, [1, 59, 61, 62, 122], 3),
        ({"size_bytes": 1}, [1, 2, 3], 3),
        ({"size_bytes": 10_000_000, "seconds": 60.0}, [1, 61], 2),
    ],
)
def test_rotation_by_size_or_time(tmp_path: Path, rotation: dict[str, float], moments: list[float], files: int) -> None:
    clock, out = Clock(), tmp_path / "x.jsonl"
    with recorder(out, clock, **rotation) as recording:
        for moment in moments:
            recording.accept(Source(), [FRAME], 1)
            clock.now_s = moment
            recording.serve()
        recording.accept(Source(), [FRAME], 1)
        written = len(list(tmp_path.iterdir()))
    assert len(list(read_in_turn(recording.files))) == len(moments) + 1
    assert written == len(recording.files) == files + (1 if rotation.get("size_bytes") == 1 else 0)


def test_a_quiet_exchange_makes_no_empty_files(tmp_path: Path) -> None:
    clock = Clock()
    with recorder(tmp_path / "x.jsonl", clock, seconds=60) as recording:
        for moment in (100, 200, 300):
            clock.now_s = moment
            recording.serve()
    assert list(tmp_path.iterdir()) == []
    assert recording.files == []


def test_numbers_go_on_after_the_last_file_there_is(tmp_path: Path) -> None:
    for name in ("x-0001.jsonl", "x-0012.jsonl", "x-0099.jsonl.gz", "y-0500.jsonl", "x-draft.jsonl"):
        (tmp_path / name).write_bytes(b"")
    with recorder(tmp_path / "x.jsonl", Clock(), seconds=60) as recording:
        recording.accept(Source(), [FRAME], 1)
    assert [path.name for path in recording.files] == ["x-0013.jsonl"]


def test_a_disk_that_refuses_ends_the_recorder_and_not_only_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with recorder(tmp_path / "x.jsonl", Clock()) as recording:
        recording.accept(Source(), [FRAME], 1)
        monkeypatch.setattr(Recording, "write", refuse)
        recording.accept(Source(), [FRAME], 2)
        with pytest.raises(OSError, match="No space left"):
            recording.serve()


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
def test_a_killed_recorder_s_last_file_is_mended_by_the_next_one_though_it_rotates(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"x{suffix}"
    with recorder(out, Clock(), seconds=60) as killed:
        killed.accept(Source(), [FRAME] * 3, 1)
        killed.serve()
    with killed.files[0].open("ab") as file:
        file.write(killed.files[0].read_bytes()[:25])
    with recorder(out, Clock(), seconds=60) as successor:
        successor.accept(Source(), [FRAME] * 2, 2)
    assert [path.name for path in (*killed.files, *successor.files)] == [f"x-0001{suffix}", f"x-0002{suffix}"]
    assert len(list(read_in_turn([*killed.files, *successor.files]))) == 5


def test_a_file_that_is_no_recording_does_not_stop_one_that_rotates(tmp_path: Path) -> None:
    (tmp_path / "x-0003.jsonl.gz").write_bytes(b"somebody's own")
    with recorder(tmp_path / "x.jsonl.gz", Clock(), seconds=60) as recording:
        recording.accept(Source(), [FRAME], 1)
    assert [path.name for path in recording.files] == ["x-0004.jsonl.gz"]
    assert (tmp_path / "x-0003.jsonl.gz").read_bytes() == b"somebody's own"


def test_how_to_play_it_back_is_known_from_the_beginning_on(tmp_path: Path) -> None:
    with recorder(tmp_path / "my x.jsonl", Clock()) as recording:
        assert recording.play_back == f"k2-harness verify --capture '{tmp_path}/my x.jsonl'"
