"""The nightly check of a live warehouse: standing suites, the night in numbers, and how it compares with past nights.

    night = check_night(warehouse_of(None, os.environ), window_of("24h", time.time_ns()), told=print)
    night.verdict                                         # pass or fail

Past nights are kept in the warehouse, in database k2_quality; `k2-harness nightly` is the command.
"""

from typing import Final

NIGHT: Final = "night.json"
"""The file that a night leaves, and that its report is made from."""
