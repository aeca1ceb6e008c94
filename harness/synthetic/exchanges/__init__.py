"""Wire formats for synthetic trades: one module per exchange, found by listing this folder."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from harness.synthetic.fields import Form
from harness.synthetic.listing import Listing
from harness.synthetic.trades import Plan, Received


class SyntheticExchange(Listing, Protocol):
    """What such a module offers."""

    TRADES_PER_SECOND: int
    """The rate when none is asked for."""
    FORMS: tuple[Form, ...]
    """Where its trade frames keep what, form by form."""

    def frames(self, plan: Plan) -> Iterator[Received]:
        """Yield every frame of one connection, control frames included, by receive time."""


EXCHANGES: dict[str, SyntheticExchange] = {
    module.name: cast(SyntheticExchange, import_module(f"{__name__}.{module.name}"))
    for module in sorted(iter_modules(__path__), key=lambda found: found.name)
}
