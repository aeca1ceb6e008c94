"""The checks' own package is light: Great Expectations takes seconds to import, and only a run needs it."""

import subprocess
import sys

import pytest

from harness.checks import SuiteError, run_checks


def test_importing_the_checks_does_not_import_great_expectations() -> None:
    program = "import sys, harness.checks; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


class Nowhere:
    def sqlalchemy_url(self) -> str:
        raise AssertionError("nobody should ask")


def test_a_kind_that_no_suite_has_is_refused_before_anything_runs() -> None:
    with pytest.raises(SuiteError, match="kinds are exact and standing"):
        run_checks(Nowhere(), kinds=["nightly"])
