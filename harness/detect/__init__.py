"""Detection, measured: every fault is injected at several intensities, and what every check finds of it is counted.

    with start_stack("embedded", workdir=directory) as stack, Bench(stack, directory, DEFAULT_DIRECTORY) as bench:
        report = detect(plan_cases(), bench)
    print(to_markdown(report))

A case is one fault at one amount on one clean generated tape, or the tape as it is. Each changed frame is an
instance. An instance is found if a row that a check shows points at it: at its place in the topic, at one of its
trades, or at a window that holds one. A row that points at nothing that was changed is a false alarm.
"""

from harness.detect.bench import Bench
from harness.detect.cases import INTENSITIES, Case, plan_cases
from harness.detect.expected import EXPECTED, Expected
from harness.detect.report import to_json, to_markdown
from harness.detect.score import CaseScore, Report
from harness.detect.survey import detect

__all__ = [
    "EXPECTED",
    "INTENSITIES",
    "Bench",
    "Case",
    "CaseScore",
    "Expected",
    "Report",
    "detect",
    "plan_cases",
    "to_json",
    "to_markdown",
]
