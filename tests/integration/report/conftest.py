"""One browser for all pages."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.report.browser import Tab, chromium


@pytest.fixture(scope="package")
def tab() -> Iterator[Tab]:
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,  # the browser may still write into it
        chromium(Path(profile)) as opened,
    ):
        yield opened
