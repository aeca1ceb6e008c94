"""Which warehouse, without a secret on the command line or in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from harness.nightly.window import NightError
from k2pipeline.stack import WarehouseAddress
from k2pipeline.stack.external import parse_clickhouse_url

URL_VARIABLE: Final = "K2_CLICKHOUSE_URL"
PASSWORD_VARIABLE: Final = "K2_CLICKHOUSE_PASSWORD"  # noqa: S105  # its name, not its value
_EXAMPLE: Final = "http://user@host:8123/k2"


def warehouse_of(url: str | None, environment: Mapping[str, str]) -> WarehouseAddress:
    """The warehouse of a URL, else of K2_CLICKHOUSE_URL; the password of K2_CLICKHOUSE_PASSWORD wins over the URL's.

    Raises NightError when no URL is given or it cannot be understood, and when a given one has a password in it.
    """
    if url and urlsplit(url).password:
        raise NightError(
            f"--clickhouse has a password in it, and every user of this machine can read command lines; give the URL "
            f"without it ({_EXAMPLE}) and the password in the environment variable {PASSWORD_VARIABLE}"
        )
    chosen = url or environment.get(URL_VARIABLE)
    if not chosen:
        raise NightError(
            f"no warehouse is given; say --clickhouse {_EXAMPLE} or set {URL_VARIABLE}, and the password in "
            f"{PASSWORD_VARIABLE}. To try it: k2 up prints the address of a stack of its own"
        )
    try:
        address = parse_clickhouse_url(chosen)
    except ValueError as error:
        raise NightError(str(error)) from error
    password = environment.get(PASSWORD_VARIABLE)
    return replace(address, password=password) if password else address
