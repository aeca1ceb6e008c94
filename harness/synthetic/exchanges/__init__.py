"""Wire formats for synthetic trades: one module per exchange, found by listing this folder."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from harness.synthetic.instruments import Instrument
from harness.synthetic.trades import Plan, Received


class SyntheticExchange(Protocol):
    """What such a module offers."""

    INSTRUMENTS: tuple[Instrument, ...]
    """Instruments that can be asked for, most popular first."""
    TRADES_PER_SECOND: int
    """The rate when none is asked for."""

    def frames(self, plan: Plan) -> Iterator[Received]:
        """Yield every frame of one connection, control frames included, by receive time."""


EXCHANGES: dict[str, SyntheticExchange] = {
    module.name: cast(SyntheticExchange, import_module(f"{__name__}.{module.name}"))
    for module in sorted(iter_modules(__path__), key=lambda found: found.name)
}
