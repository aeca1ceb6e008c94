"""What somebody gets who installs K2 into a project of their own."""

import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.captures import PROJECT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    directory = tmp_path_factory.mktemp("wheel")
    source = directory / "source"
    copied = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True)
    # Of the tracked files only, and elsewhere: a build leaves its own files beside the sources.
    for name in filter(None, copied.stdout.decode().split("\0")):
        if (PROJECT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((PROJECT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(directory), str(source)], check=True)
    (built,) = directory.glob("k2-*.whl")
    return zipfile.ZipFile(built)


@pytest.mark.parametrize("folder", ["sql", "expectations", "replays"])
def test_what_ships_beside_the_packages_is_in_the_wheel(wheel: zipfile.ZipFile, folder: str) -> None:
    shipped = {path.name for path in (PROJECT / folder).iterdir() if path.is_file()}
    prefix = f".data/data/share/k2/{folder}/"
    assert shipped == {name.split(prefix)[1] for name in wheel.namelist() if prefix in name}


def test_data_inside_packages_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "k2pipeline", "harness", "load"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    wanted = {name for name in tracked.stdout.splitlines() if (PROJECT / name).is_file()}
    assert wanted - set(wheel.namelist()) == set()


def test_wheel_declares_the_pytest_plugin_and_the_commands(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    declared = ConfigParser()
    declared.read_string(wheel.read(name).decode())
    assert dict(declared["pytest11"]) == {"k2": "harness.pytest_plugin"}
    assert set(declared["console_scripts"]) == {"k2", "k2-harness"}


def test_tests_and_benchmarks_are_not_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    tops = {Path(name).parts[0] for name in wheel.namelist()}
    assert {top for top in tops if ".d" not in top} == {"k2pipeline", "harness", "load"}
