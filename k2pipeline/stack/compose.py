"""docker-compose.yml, driven by the user's own docker: what `k2 up --stack docker` runs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from k2pipeline.shipped import SHIPPED
from k2pipeline.stack.base import StackError

FILE: Final = "docker-compose.yml"
SMALL: Final = "docker-compose.small.yml"
_ANSWER_S: Final = 30
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def up(directory: Path = SHIPPED, *, small: bool = False) -> None:
    """Build, start, and show the logs until SIGINT (Ctrl-C) or SIGTERM: then compose stops the containers, for as long
    as that takes it, and their volumes stay. A second signal reaches it too, and it stops them at once.

    Raises StackError where a file, docker, its compose plugin or the engine is missing, and where compose fails.
    """
    command = compose_command(directory, small=small)
    for words, missing in (
        (["docker", "compose", "version"], "docker has no compose plugin; install docker-compose-plugin"),
        (["docker", "info"], "no Docker engine answers; start it, or set DOCKER_HOST, or take --stack embedded"),
    ):
        _require(words, missing)
    status, is_stopped = _attended([*command, "up", "--build"], directory)
    if status and not is_stopped:
        raise StackError(f"docker compose ended with exit code {status}; what it said is above")


def _attended(command: Sequence[str], directory: Path) -> tuple[int, bool]:
    """Run it to its end, passing signals on; its exit code, and whether a signal made it end.

    In a session of its own it gets each signal once, from here, whether a terminal sent ours or somebody's kill.
    """
    asked: list[int] = []
    child: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, _: FrameType | None) -> None:
        asked.append(number)
        if child is not None:
            child.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in _SIGNALS}
    try:
        child = subprocess.Popen(  # noqa: S603
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "COMPOSE_MENU": "false"},
        )
        for number in asked:  # what came before it was there
            child.send_signal(number)
        return child.wait(), bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def compose_command(directory: Path, *, small: bool) -> list[str]:
    """`docker compose` with the files of this directory. Passwords are in its .env: compose reads them, we do not."""
    files = [FILE, *([SMALL] if small else [])]
    absent = [name for name in files if not (directory / name).is_file()]
    if absent:
        raise StackError(f"{directory} has no {absent[0]}; run k2 up --stack docker from a checkout of K2")
    if not (directory / ".env").is_file():
        raise StackError(f"{directory} has no .env; copy .env.example to .env and give each password a value")
    return ["docker", "compose", *(word for name in files for word in ("--file", name))]


def _require(words: Sequence[str], missing: str) -> None:
    if shutil.which(words[0]) is None:
        raise StackError("docker is not installed; install it, or take --stack embedded")
    try:
        answer = subprocess.run(words, capture_output=True, text=True, timeout=_ANSWER_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise StackError(f"{missing} ({' '.join(words)} does not answer)") from error
    if answer.returncode:
        said = answer.stderr.strip().splitlines()
        raise StackError(f"{missing} ({said[-1] if said else ' '.join(words)})")
