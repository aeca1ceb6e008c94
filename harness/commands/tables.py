"""k2-harness tables: write docs/tables.md, the data dictionary, from the schema; or say whether it is stale."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from rich.console import Console

from harness.gate.dictionary import TABLES, dictionary
from harness.gate.documents import stale_documents, structure_of
from k2pipeline.schema import DEFAULT_DIRECTORY
from k2pipeline.shipped import SHIPPED

HELP: Final = "write docs/tables.md, the data dictionary, from the schema"
DONE: Final = 0
STALE: Final = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--sql", metavar="DIR", type=Path, default=DEFAULT_DIRECTORY, help="the schema")
    parser.add_argument("--out", metavar="FILE", type=Path, default=SHIPPED / TABLES, help="where the page is written")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a document is stale or names what is gone"
    )


def run(options: argparse.Namespace) -> int:
    """Write or check; 0 when all is well."""
    console = Console(highlight=False)
    structure = structure_of(options.sql)
    if not options.check:
        text = dictionary(structure)
        options.out.write_text(text, encoding="utf-8")
        console.print(f"{options.out}: {text.count(chr(10)):,} lines", markup=False, soft_wrap=True)
        return DONE
    wrong = stale_documents(options.sql, structure, ())
    for sentence in wrong:
        console.print(sentence, style="red", markup=False, soft_wrap=True)
    return STALE if wrong else DONE
