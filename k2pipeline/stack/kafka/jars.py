"""Java, and Kafka's jars: fetched once by Maven from pom.xml, then kept in the user's cache directory."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from k2pipeline.stack.base import StackError

_LOG = logging.getLogger("k2.stack.broker")
_POM = Path(__file__).with_name("pom.xml")
_JAVA_RELEASE = 17
_FETCH_LIMIT_S = 600.0
_ASK_LIMIT_S = 30.0
_LAST_LINES = 15


def what_is_missing() -> str | None:
    """What this machine lacks to run Kafka, with the next step; None when it has all."""
    try:
        java()
        if not cache_directory().is_dir():
            _maven()
    except StackError as error:
        return str(error)
    return None


@functools.cache
def java() -> str:
    """The path of a java that is new enough: JAVA_HOME's, or the one on the PATH. Raises StackError without one."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    if not found:
        place = f"in JAVA_HOME={home}" if home else "on the PATH"
        raise StackError(
            f"the kafka stack needs Java {_JAVA_RELEASE} or later, and there is no java {place}; {_ADVICE}"
        )
    said = _run([found, "-version"], _ASK_LIMIT_S).stderr
    release = re.search(r'version "(\d+)', said)
    if not release or int(release[1]) < _JAVA_RELEASE:
        first = said.partition("\n")[0]
        raise StackError(f"the kafka stack needs Java {_JAVA_RELEASE} or later, and {found} says {first!r}; {_ADVICE}")
    return found


_ADVICE = "install one (Debian: openjdk-17-jre-headless), or use the embedded stack"


def jars() -> Path:
    """The directory with Kafka's jars, fetched if it is not there. Raises StackError when that fails."""
    directory = cache_directory()
    if directory.is_dir():
        return directory
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: another process may look, and this one may be killed.
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=directory.parent) as scratch:
        fetched = Path(scratch) / "jars"
        _fetch(fetched)
        try:
            fetched.rename(directory)
        except OSError:
            if not directory.is_dir():  # it is when another process was quicker
                raise
    return directory


def cache_directory() -> Path:
    """Where the jars of this very pom.xml are kept; its name begins with Kafka's version."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    text = _POM.read_bytes()
    version = re.search(rb"<kafka.version>(.+)</kafka.version>", text)
    if not version:
        raise StackError(f"{_POM} names no kafka.version")
    return caches / "k2" / f"kafka-{version[1].decode()}-{hashlib.sha256(text).hexdigest()[:8]}"


def _fetch(into: Path) -> None:
    _LOG.warning("fetching Kafka by Maven, once, into %s", cache_directory())
    command = [_maven(), "--batch-mode", "--quiet", "--file", str(_POM), "dependency:copy-dependencies"]
    done = _run([*command, "-DincludeScope=runtime", f"-DoutputDirectory={into}"], _FETCH_LIMIT_S)
    if done.returncode != 0 or not into.is_dir():
        last = "\n".join(f"  {line}" for line in (done.stdout + done.stderr).splitlines()[-_LAST_LINES:])
        raise StackError(
            f"Maven could not fetch Kafka (exit code {done.returncode}); see that it reaches a repository, by its own "
            f"settings.xml, and start again, or use the embedded stack. Its last lines:\n{last}"
        )


def _maven() -> str:
    found = shutil.which("mvn")
    if not found:
        raise StackError(
            "the kafka stack fetches Kafka by Maven, and there is no mvn on the PATH; install it (Debian: maven), "
            "or use the embedded stack"
        )
    return found


def _run(command: list[str], limit_s: float) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603  (java and mvn of this machine, no shell)
            command, capture_output=True, text=True, timeout=limit_s, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(
            f"{command[0]} did not end within {limit_s:g} s; run it by hand to see why: {command}"
        ) from error
    except OSError as error:
        raise StackError(f"{command[0]} cannot be run: {error.strerror}") from error
