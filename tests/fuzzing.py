"""How long property tests that work the real engine look for a counterexample.

A few examples each by default, so that the suite stays short. K2_FUZZ multiplies them:

    K2_FUZZ=50 pytest -s tests/integration/sql/test_metamorphic.py tests/integration/sql/test_any_frame.py
"""

from __future__ import annotations

import os
from typing import Final

from hypothesis import HealthCheck, Phase, settings

TIMES: Final = int(os.environ.get("K2_FUZZ", "1"))
# Explaining a failure runs it many times more, and here a run takes a tenth of a second.
PHASES: Final = tuple(phase for phase in Phase if phase is not Phase.explain)


def examples(usual: int) -> settings:
    """So many examples, times K2_FUZZ. One lasts as long as the engine takes, so there is no deadline."""
    return settings(
        max_examples=usual * TIMES,
        phases=PHASES,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
