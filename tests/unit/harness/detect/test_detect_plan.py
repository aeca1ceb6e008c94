"""What is measured: every fault at every intensity, against checks that exist."""

from __future__ import annotations

import re

import pytest

from harness.checks import load_suites
from harness.detect import EXPECTED, INTENSITIES, plan_cases
from harness.faults import FAULTS, FaultError
from harness.faults.process import PROCESS_FAULTS
from harness.faults.transport import TRANSPORT_FAULTS
from k2pipeline.exchanges import EXCHANGES
from k2pipeline.shipped import SHIPPED

CHECKS = {f"{suite.name}.{check.name}": check for suite in load_suites() for check in suite.checks}


def test_every_fault_says_what_it_sets_off() -> None:
    assert set(EXPECTED) == set(FAULTS)


@pytest.mark.parametrize("fault", EXPECTED)
def test_what_is_due_exists_and_what_is_not_has_a_reason(fault: str) -> None:
    expected = EXPECTED[fault]
    assert expected.checks(EXCHANGES) <= set(CHECKS)
    assert expected.checks(EXCHANGES) or expected.why
    assert expected.least == 1 or expected.why
    assert {CHECKS[name].kind for name in expected.checks(EXCHANGES) if name in expected.fails} <= {"exact"}


def test_every_fault_is_played_at_every_intensity_after_the_clean_runs() -> None:
    cases = plan_cases(clean_runs=2, seed=5)
    assert [(case.name, case.seed) for case in cases[:2]] == [("clean", 5), ("clean", 6)]
    assert [case.seed for case in cases[2:5]] == [5, 6, 5]
    assert [case.name for case in cases[2:]] == [
        f"{name}={amount}" for name in sorted(FAULTS) for amount in INTENSITIES
    ]


@pytest.mark.parametrize(("faults", "clean", "says"), [(["flood"], 1, "cannot be detected"), ([], 0, "at least one")])
def test_what_cannot_be_measured_is_refused(faults: list[str], clean: int, says: str) -> None:
    with pytest.raises(FaultError, match=says):
        plan_cases(faults, clean_runs=clean)


def test_the_published_page_names_every_fault_and_every_check() -> None:
    page = (SHIPPED / "docs" / "detection.md").read_text(encoding="utf-8")
    faults = [*FAULTS, *TRANSPORT_FAULTS, *PROCESS_FAULTS]
    assert [name for name in faults if f"`{name}`" not in page] == [], "measure again: k2-harness detect"
    # Of the candles of seven lengths the table has the one line that found most.
    shown = {
        name.partition(".")[2] if name.startswith("ohlcv_") else name for name in re.findall(r"`(\w+\.\w+)`", page)
    }
    named = {name: name.partition(".")[2] if name.startswith("ohlcv_") else name for name in CHECKS}
    assert [name for name, short in named.items() if short not in shown] == [], "measure again: k2-harness detect"
