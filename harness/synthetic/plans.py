"""Plans with their dates and rates spelled out, and how metadata tells of them."""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction

from harness.synthetic.instruments import Instrument
from harness.synthetic.trades import Plan


def plan(seed: int, start: str, duration_ns: int, trades_per_hour: int, instruments: Sequence[Instrument]) -> Plan:
    """Build a plan from an RFC 3339 start of whole seconds."""
    start_ns = int(datetime.fromisoformat(start).timestamp()) * 10**9
    return Plan(seed, start_ns, start_ns + duration_ns, Fraction(trades_per_hour, 3600), tuple(instruments))


def described(plan: Plan) -> dict[str, object]:
    """Give the arguments that repeat a plan, ready for JSON."""
    return {
        "seed": plan.seed,
        "start_ns": plan.start_ns,
        "end_ns": plan.end_ns,
        "trades_per_hour": int(plan.trades_per_second * 3600),
        "asked_symbols": [instrument.symbol for instrument in plan.instruments],
    }
