"""Gaps explained: each range of trade ids that was missing, and each time in which nothing came, with its cause.

    report = explain_gaps(client, session_logs=[Path("feed-binance.log")])
    report.trades(Cause.PIPELINE_LOSS), report.as_json()

All evidence is in the warehouse, save for the session log of the feed handlers, where there is one. With the truth of a
run in k2_truth it is also known which trades were sent; without, as at night, what cannot be known stays `unexplained`.
"""

from harness.gaps.model import Cause, Gap, GapReport
from harness.gaps.report import explain_gaps
from harness.gaps.sessions import Outage, outages

__all__ = ["Cause", "Gap", "GapReport", "Outage", "explain_gaps", "outages"]
