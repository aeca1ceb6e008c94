"""The crash table: each part of the pipeline is killed and paused while frames flow, and then every row is checked.

    cases = choose_cases("kafka", ["kill-warehouse=50"])
    rows = [strike(case, Setting(stack="kafka"), out=Path("runs")) for case in cases]

Verified: whatever the broker acknowledged is in bronze and silver once, and every candle equals the truth, however
often and whenever a process is killed. Not verified: a crash of the machine, which takes the page cache along.
"""

from harness.crash.cases import CASES, Case, choose_cases
from harness.crash.row import Row, Setting, strike

__all__ = ["CASES", "Case", "Row", "Setting", "choose_cases", "strike"]
