"""What the kafka stack says where Java, Maven or the network are missing, and how it keeps the jars. No Kafka runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from k2pipeline.stack import StackError
from k2pipeline.stack.kafka import jars, what_is_missing
from k2pipeline.stack.kafka.jars import cache_directory, java

Program = Callable[[str, str], None]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Puts a shell script on a PATH that has nothing else of ours, and a cache that is empty."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    java.cache_clear()

    def put(name: str, script: str) -> None:
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)

    return put


@pytest.fixture(autouse=True)
def forget_java() -> Iterator[None]:
    """Each test looks for its own, and leaves none of its own behind."""
    java.cache_clear()
    yield
    java.cache_clear()


def with_java(program: Program, version: str = "21.0.2") -> None:
    program("java", f"echo 'openjdk version \"{version}\" 2024-01-16' >&2")


def test_no_java_is_named_with_the_next_step(program: Program) -> None:
    assert what_is_missing() == (
        "the kafka stack needs Java 17 or later, and there is no java on the PATH; "
        "install one (Debian: openjdk-17-jre-headless), or use the embedded stack"
    )


def test_a_java_home_without_java_is_named(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    with_java(program)
    monkeypatch.setenv("JAVA_HOME", "/nowhere/jdk")
    assert "no java in JAVA_HOME=/nowhere/jdk" in (what_is_missing() or "")


@pytest.mark.parametrize("version", ["11.0.20", "1.8.0_392"])
def test_an_old_java_is_refused_with_what_it_said(program: Program, version: str) -> None:
    with_java(program, version)
    with pytest.raises(StackError, match=rf"Java 17 or later, and .* says .*{version}"):
        java()


def test_no_maven_is_named_unless_the_jars_are_there(program: Program) -> None:
    with_java(program)
    assert "there is no mvn on the PATH" in (what_is_missing() or "")
    cache_directory().mkdir(parents=True)
    assert what_is_missing() is None


def test_a_failed_download_shows_the_last_words_and_leaves_nothing(program: Program) -> None:
    with_java(program)
    program("mvn", "echo '[ERROR] Unknown host'; exit 1")
    with pytest.raises(StackError, match=r"(?s)could not fetch Kafka \(exit code 1\).*Unknown host"):
        jars.jars()
    assert list(cache_directory().parent.iterdir()) == []


def test_jars_are_fetched_once(program: Program, tmp_path: Path) -> None:
    with_java(program)
    log = tmp_path / "asked"
    program(
        "mvn",
        f'echo asked >> {log}\nfor word; do case "$word" in -DoutputDirectory=*) '
        'd="${word#*=}"; /bin/mkdir -p "$d"; : > "$d/kafka.jar";; esac; done',
    )
    assert [path.name for path in jars.jars().iterdir()] == ["kafka.jar"]
    assert jars.jars() == cache_directory()
    assert cache_directory().name.startswith("kafka-4.")
    assert log.read_text() == "asked\n"
