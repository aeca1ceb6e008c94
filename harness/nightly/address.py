"""Which warehouse, without a secret on the command line or in a file."""

from __future__ import annotations

from collections.abc import Mapping

from harness.nightly.window import NightError
from k2pipeline.stack import WarehouseAddress
from k2pipeline.stack.external import PASSWORD_VARIABLE, URL_VARIABLE, warehouse_address

__all__ = ["PASSWORD_VARIABLE", "URL_VARIABLE", "warehouse_of"]


def warehouse_of(url: str | None, environment: Mapping[str, str]) -> WarehouseAddress:
    """The warehouse of a URL, else of the environment; see warehouse_address, whose ValueError is a NightError here."""
    try:
        return warehouse_address(url, environment)
    except ValueError as error:
        raise NightError(str(error)) from error
