"""k2-harness checks: write docs/checks.md, the list of all checks, from the suites; or say whether it is stale."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from harness.checks.growth import load_growth
from harness.checks.page import checks_page
from harness.checks.slos import load_slos
from harness.checks.suites import EXPECTATIONS, load_suites
from k2pipeline.shipped import SHIPPED

HELP: Final = "write docs/checks.md, the list of all checks, from the suites"
DONE: Final = 0
STALE: Final = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--suites", metavar="DIR", type=Path, default=EXPECTATIONS, help="the folder of the suites")
    parser.add_argument(
        "--out", metavar="FILE", type=Path, default=SHIPPED / "docs" / "checks.md", help="where the page is written"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if the page is stale")


def run(options: argparse.Namespace) -> int:
    """Write or check; 0 when all is well."""
    text = checks_page(load_suites(options.suites), load_slos(options.suites), load_growth(options.suites))
    if not options.check:
        options.out.write_text(text, encoding="utf-8")
        print(f"{options.out}: {text.count(chr(10)):,} lines")
        return DONE
    if options.out.is_file() and options.out.read_text(encoding="utf-8") == text:
        return DONE
    print(f"{options.out} is not what the suites say; write it anew with k2-harness checks")
    return STALE
