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
