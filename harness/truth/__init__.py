"""The truth of a run: what must exist once every frame of its ledger has gone through the pipeline.

docs/meaning.md is the rule; nothing here comes from the pipeline or its SQL. A module in this package that defines
`EXCHANGE` is an exchange, named after its file.

    truth = compute(Path("runs/1/ledger.parquet"))
    truth.tables["ohlcv_1m"], truth.duplicates_sent
    load(truth, client)  # as tables of the database k2_truth
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Final

from harness.captures import CapturedFrame
from harness.truth.draft import TruthError
from harness.truth.exchange import Exchange
from harness.truth.tables import tables
from harness.truth.truth import Truth, truth_of
from harness.truth.upload import Client, load_tables

__all__ = ["EXCHANGES", "Truth", "TruthError", "compute", "load"]


def compute(ledger: Path, tape: Iterable[CapturedFrame] = ()) -> Truth:
    """The truth of the run that wrote `ledger` (Parquet, columns as harness/ledger.py writes them).

    `tape` are the frames that were played, before any fault, where their ids jump: so the jumps are known too.

    Raises TruthError for an exchange that this package has no module for, and OverflowError for a candle that no
    Decimal of 76 digits holds.
    """
    return truth_of(ledger, EXCHANGES, tape)


def load(truth: Truth, client: Client) -> None:
    """Write the truth into the warehouse, as database k2_truth; one that is there is dropped before."""
    load_tables(truth.tables, tables(EXCHANGES.values()), client)


def _discover() -> Mapping[str, Exchange]:
    found: dict[str, Exchange] = {}
    for listed in sorted(iter_modules(__path__), key=lambda listed: listed.name):
        exchange = getattr(import_module(f"{__name__}.{listed.name}"), "EXCHANGE", None)
        if exchange is None:
            continue
        if exchange.name != listed.name:
            raise ImportError(f"truth/{listed.name}.py defines {exchange.name!r}; name the file after it")
        found[exchange.name] = exchange
    return MappingProxyType(found)


EXCHANGES: Final[Mapping[str, Exchange]] = _discover()
