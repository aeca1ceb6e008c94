"""Documents that do not follow the schema: docs/tables.md when it is stale, and whatever names what is gone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from harness.gate.applying import USUAL, apply_side
from harness.gate.dictionary import TABLES, dictionary
from harness.gate.sides import Side
from harness.gate.snapshot import MIGRATIONS, Snapshot, asking, snapshot
from k2pipeline.stack import start_stack

_FILES: Final = ("*.md", "*.json", "*.toml", "*.yml", "*.yaml", "*.xml", "*.sh", "*.py")
PLACES: Final = ("docs", "expectations", "harness", "k2pipeline", "load", "deploy", "benchmarks", "replays", "tests")
"""Folders of the project in which documents and queries stand. A test holds that each is there and has some."""
ELSEWHERE: Final = (
    *("docs/decisions", "docs/gate", "harness/gate", "harness/mutants", "harness/museum"),
    *("tests/unit/harness/gate", "tests/unit/warehouse", "tests/integration/warehouse_kafka"),
)
"""Folders among them that are about other schemas than this one, or about an earlier state of it."""
_HISTORY: Final = "CHANGELOG.md"
# A name that an f-string completes is none yet.
_NAME: Final = r"k2\.`?([a-z]\w*)(?![\w{])"
# `config.d/k2.xml` is a file.
_QUALIFIED: Final = re.compile(rf"(?<![\w/.-]){_NAME}")
# In Python, `k2.stack.broker` may be the name of a log: only what stands where SQL has a table counts.
_IN_SQL: Final = re.compile(rf"\b(?:FROM|JOIN|INTO|TABLE|VIEW|EXISTS|TO|IN)\s+\(?{_NAME}")


# A test or a benchmark may make a table of its own.
_MADE: Final = re.compile(r"\bCREATE (?:TABLE|VIEW|MATERIALIZED VIEW)(?: IF NOT EXISTS)? (?:k2\.)?`?((?:\w|\{\w+\})+)")
_FILLED_IN: Final = re.compile(r"\{\w+\}")


def why_not_checked(base: Side, candidate: Side) -> str:
    """Why there are no documents to be judged beside a candidate; '' where there are some, or should be."""
    if (candidate.project / TABLES).is_file():
        return ""
    if not any((candidate.project / place).is_dir() for place in PLACES):
        return f"{candidate.name} is a schema alone, without a project around it"
    return "" if (base.project / TABLES).is_file() else f"neither {base.name} nor {candidate.name} has a {TABLES}"


def stale_documents(schema: Path, current: Snapshot, gone: Collection[str]) -> list[str]:
    """What is wrong with the documents beside a schema, in a sentence each. A page that is not there is wrong too.

    `current` is the schema's structure. `gone` are names that a change takes away: they may not stand in a document or
    query as words any more.
    """
    project = schema.resolve().parent
    page = project / TABLES
    if not page.is_file():
        missing = [f"{TABLES} is not there beside {schema.name}; write it with k2-harness tables"]
        return [*missing, *_gone_names(project, {*current.objects, MIGRATIONS}, gone)]
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
        named = set((_IN_SQL if path.suffix == ".py" else _QUALIFIED).findall(text))
        own = [_FILLED_IN.sub("*", name) for name in _MADE.findall(text)]
        named = {name for name in named - set(known) if not any(fnmatchcase(name, each) for each in own)}
        if word is not None:
            named |= set(word.findall(text))
        for name in sorted(named):
            yield f"{path.relative_to(project)} names {name}, which the schema does not have"


def _files(project: Path) -> Iterator[Path]:
    yield from (path for path in sorted(project.glob("*.md")) if path.name != _HISTORY)
    yield from sorted(project.glob("docker-compose*.yml"))
    for place in PLACES:
        for pattern in _FILES:
            for path in sorted((project / place).rglob(pattern)):
                if not any(path.is_relative_to(project / elsewhere) for elsewhere in ELSEWHERE):
                    yield path
