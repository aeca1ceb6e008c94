"""Paths and archives that try to lead elsewhere: nothing outside is written, and nothing is unpacked."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from harness.captures import CaptureError, CaptureWriter, read_capture
from harness.scenario import Scenario, ScenarioError, load_scenario

FRAME = (1, "binance", b'{"e":"trade"}')


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "real.jsonl.gz"
    with CaptureWriter(path) as writer:
        writer.write(*FRAME)
    return path


def test_a_link_to_a_capture_is_that_capture(capture: Path) -> None:
    link = capture.with_name("link.jsonl.gz")
    link.symlink_to(capture)
    assert [each.frame for each in read_capture(link)] == [FRAME[2]]


def test_a_link_to_another_file_is_no_capture(tmp_path: Path) -> None:
    (tmp_path / "passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    link = tmp_path / "link.jsonl"
    link.symlink_to("passwd")
    with pytest.raises(CaptureError, match="line 1"):
        list(read_capture(link))


@pytest.mark.parametrize("target", ["nowhere", "link.jsonl"], ids=["dangling", "to itself"])
def test_a_link_to_nothing_is_an_error_that_says_so(target: str, tmp_path: Path) -> None:
    link = tmp_path / "link.jsonl"
    link.symlink_to(target)
    with pytest.raises(CaptureError, match="cannot be read"):
        list(read_capture(link))


def test_a_device_without_an_end_is_refused_in_bounded_memory() -> None:
    with pytest.raises(CaptureError, match="as no frame does"):
        list(read_capture(Path("/dev/zero")))


def test_a_capture_that_is_written_over_a_link_takes_its_place_and_leaves_its_target_alone(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("mine")
    link = tmp_path / "link.jsonl"
    link.symlink_to(target)
    with CaptureWriter(link) as writer:
        writer.write(*FRAME)
    assert target.read_text() == "mine"
    assert not link.is_symlink()


@pytest.mark.parametrize("member", ["../outside", "/tmp/outside", "a/../../outside"])  # noqa: S108
def test_an_archive_is_not_unpacked_whatever_its_members_are_called(member: str, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        info = tarfile.TarInfo(member)
        info.size = 4
        archive.addfile(info, io.BytesIO(b"evil"))
    path = tmp_path / "in" / "archive.jsonl.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(packed.getvalue()))
    with pytest.raises(CaptureError):
        list(read_capture(path))
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["archive.jsonl.gz", "in"]


@pytest.mark.parametrize("name", ["../../outside", "/outside", "a/b", "..", "", "a\nb", "a\0b"])
def test_a_scenario_whose_name_is_a_path_is_refused_because_its_run_is_named_after_it(name: str) -> None:
    with pytest.raises(ScenarioError, match="name"):
        Scenario(name=name, synthetic="1s")


def test_a_scenario_file_cannot_name_its_run_into_another_directory(tmp_path: Path) -> None:
    path = tmp_path / "evil.toml"
    path.write_text('name = "../../outside"\nsynthetic = "1s"\n')
    with pytest.raises(ScenarioError, match="outside"):
        load_scenario(str(path), {})
