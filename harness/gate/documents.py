"""Documents that do not follow the schema: docs/tables.md when it is stale, and whatever names what is gone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from harness.gate.applying import USUAL, apply_side
from harness.gate.dictionary import TABLES, dictionary
from harness.gate.sides import SUBDIRECTORY, Side
from harness.gate.snapshot import MIGRATIONS, Snapshot, asking, snapshot
from k2pipeline.stack import start_stack

_FILES: Final = ("*.md", "*.json", "*.toml", "*.yml", "*.yaml", "*.py")
_FOLDERS: Final = ("docs", "expectations", "harness", "k2pipeline", "load", "grafana", "prometheus")
# What is about other schemas than this one, or about an earlier state of it.
_ELSEWHERE: Final = frozenset(("mutants", "museum", "gate", "decisions"))
# A name that an f-string completes is none yet.
_NAME: Final = r"k2\.`?([a-z]\w*)(?![\w{])"
_QUALIFIED: Final = re.compile(rf"\b{_NAME}")
# In Python, `k2.stack.broker` may be the name of a log: only what stands where SQL has a table counts.
_IN_SQL: Final = re.compile(rf"\b(?:FROM|JOIN|INTO|TABLE|VIEW|EXISTS|TO|IN)\s+\(?{_NAME}")


def stale_documents(schema: Path, current: Snapshot, gone: Collection[str]) -> list[str]:
    """What is wrong with the documents beside a schema, in a sentence each; nothing where there are none.

    `current` is the schema's structure. `gone` are names that a change takes away: they may not stand in a document or
    query as words any more.
    """
    project = schema.resolve().parent
    page = project / TABLES
    if not page.is_file():
        return []
    is_stale = page.read_text(encoding="utf-8") != dictionary(current)
    stale = [f"{TABLES} is stale; write it again with k2-harness tables"] if is_stale else []
    return [*stale, *_gone_names(project, {*current.objects, MIGRATIONS}, gone)]


def structure_of(schema: Path) -> Snapshot:
    """The structure that a schema directory makes. Raises SchemaError."""
    with (
        TemporaryDirectory(prefix="k2-tables-") as directory,
        start_stack("embedded", workdir=Path(directory)) as running,
    ):
        apply_side(running, Side(str(schema), schema), USUAL)
        with running.warehouse.client() as client:
            return snapshot(asking(client), USUAL)


def _gone_names(project: Path, known: Collection[str], gone: Collection[str]) -> Iterator[str]:
    word = re.compile(rf"\b({'|'.join(map(re.escape, gone))})\b") if gone else None
    for path in _files(project):
        text = path.read_text(encoding="utf-8")
        named = set((_IN_SQL if path.suffix == ".py" else _QUALIFIED).findall(text)) - set(known)
        if word is not None:
            named |= set(word.findall(text))
        for name in sorted(named):
            yield f"{path.relative_to(project)} names {name}, which the schema does not have"


def _files(project: Path) -> Iterator[Path]:
    yield from sorted(project.glob("*.md"))
    yield from sorted(project.glob("docker-compose*.yml"))
    for folder in _FOLDERS:
        for pattern in _FILES:
            for path in sorted((project / folder).rglob(pattern)):
                if not {*_ELSEWHERE, SUBDIRECTORY} & set(path.relative_to(project).parent.parts):
                    yield path
