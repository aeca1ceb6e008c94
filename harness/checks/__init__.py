"""Checks: the suites in expectations/, run by Great Expectations inside the warehouse.

    results = run_checks(stack.warehouse)
    assert all(result.success for result in results)

Exact checks compare with the truth in database `k2_truth`; standing checks need none. Rows never leave the
warehouse, but for a count and a sample. Great Expectations is imported only when checks run: it takes seconds.
"""

from harness.checks.result import CheckResult
from harness.checks.run import run_checks
from harness.checks.suites import EXPECTATIONS, FEED, KINDS, SuiteError, load_suites

__all__ = ["EXPECTATIONS", "FEED", "KINDS", "CheckResult", "SuiteError", "load_suites", "run_checks"]
