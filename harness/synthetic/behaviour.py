"""How the people and programs of one exchange trade: every parameter of its synthetic market, by name."""

from dataclasses import dataclass

from harness.synthetic.arrivals import Excitement
from harness.synthetic.fills import Depth
from harness.synthetic.prices import Makers
from harness.synthetic.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Each exchange's module holds one; benchmarks/synthetic_statistics.py shows how near it comes to recordings."""

    excitement: Excitement
    depth: Depth
    makers: Makers
    sizes: Sizes
    market_orders_permille: int
