"""The two schemas that are compared: a directory, or the sql/ of a git commit."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from k2pipeline.schema import SchemaError
from k2pipeline.shipped import SHIPPED

SUBDIRECTORY: Final = "sql"


class SideError(SchemaError):
    """Base or candidate is no schema; the message says what was looked for and what to give instead."""


@dataclass(frozen=True, slots=True)
class Side:
    """One schema: what it was called on the command line, and the directory with its files."""

    name: str
    directory: Path

    @property
    def project(self) -> Path:
        """Where the documents about it stand, if there are any."""
        return self.directory.resolve().parent

    def files(self) -> dict[str, str]:
        """Its files with their texts, in the order in which they are applied."""
        return {path.name: path.read_text(encoding="utf-8") for path in sorted(self.directory.glob("*.sql"))}


@contextmanager
def side(name: str, project: Path = SHIPPED) -> Iterator[Side]:
    """Find a schema by directory (its own, or that of a checkout) or git ref. Raises SideError where there is none."""
    path = Path(name)
    for directory in (path, path / SUBDIRECTORY):
        if any(directory.glob("*.sql")):
            yield Side(_from_here(path), directory)
            return
    if path.is_dir():
        raise SideError(
            f"{name}: no *.sql here nor in {path / SUBDIRECTORY}; give a directory of migrations or a git ref"
        )
    with TemporaryDirectory(prefix="k2-gate-") as directory_name:
        directory = Path(directory_name).resolve()
        _check_out(name, project, directory)
        yield Side(name, directory / SUBDIRECTORY)


@contextmanager
def forked(base: str, candidate: str, project: Path = SHIPPED) -> Iterator[Side]:
    """The base of a candidate: a directory, or a git ref where the candidate left it. What the ref got since is not the
    candidate's doing, and would look like something that it takes away. Raises SideError.
    """
    with side(_fork(base, candidate, project), project) as found:
        yield replace(found, name=base) if not Path(base).is_dir() else found


def _fork(base: str, candidate: str, project: Path) -> str:
    if Path(base).is_dir():
        return base
    path = Path(candidate)
    if path.is_dir() and not path.resolve().is_relative_to(project.resolve()):
        return base
    point = _git(project, "merge-base", "--end-of-options", base, "HEAD" if path.is_dir() else candidate)
    # Without a common commit, as in a shallow clone, the ref itself is what there is.
    return point.decode().strip() if point else base


def _from_here(path: Path) -> str:
    """A path as short as it can be said: it stands in what is posted."""
    return str(path.relative_to(Path.cwd()) if path.is_absolute() and path.is_relative_to(Path.cwd()) else path)


def changed_files(before: Side, after: Side) -> tuple[list[str], list[str]]:
    """Files of `before` that are other or gone in `after`, and files that are new there."""
    old, new = before.files(), after.files()
    return [name for name, text in old.items() if new.get(name) != text], [name for name in new if name not in old]


def _check_out(ref: str, project: Path, into: Path) -> None:
    """The whole commit: documents and queries beside the schema are judged with it."""
    listed = _git(project, "ls-tree", "-r", "--name-only", "--end-of-options", ref, f"{SUBDIRECTORY}/")
    if listed is None:
        raise SideError(f"{ref!r} is neither a directory nor a commit of {project.name}; give one, or fetch it first")
    if not any(name.endswith(".sql") for name in listed.decode().splitlines()):
        raise SideError(f"{ref}: no {SUBDIRECTORY}/*.sql in that commit")
    archive = _git(project, "archive", "--format=tar", ref)
    if archive is None:
        raise SideError(f"{ref} cannot be read; see `git archive {ref}`")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(into, filter="data")


def _git(project: Path, *arguments: str) -> bytes | None:
    try:
        answer = subprocess.run(["git", *arguments], cwd=project, capture_output=True, check=False)  # noqa: S603, S607
    except FileNotFoundError as error:
        raise SideError(f"there is no git here to read {arguments[-1]} with; give directories instead") from error
    return answer.stdout if answer.returncode == 0 else None
