"""How much memory a night may take: above it, the warehouse sorts and groups on disk.

A day at 1,100 trades a second is 95 million rows, and by default nothing spills.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

_GIB: Final = 2**30
SETTINGS: Final = {
    "max_bytes_before_external_group_by": _GIB,
    "max_bytes_before_external_sort": _GIB,
    # By themselves these spill at a share of all memory, which is none of a night's business.
    "max_bytes_ratio_before_external_group_by": 0,
    "max_bytes_ratio_before_external_sort": 0,
}
"""Settings of the warehouse for every query of a night."""


class Client(Protocol):
    """What is used of a clickhouse_connect client."""

    def query(self, query: str) -> Any: ...

    def set_client_setting(self, key: str, value: Any) -> None: ...


def bounded(client: Client) -> dict[str, int]:
    """Give a client those of the SETTINGS that its user may change and its warehouse knows, and return them."""
    names = ", ".join(f"'{name}'" for name in SETTINGS)
    query = f"SELECT name FROM system.settings WHERE readonly = 0 AND name IN ({names})"
    known = {name for (name,) in client.query(query).result_rows}
    chosen = {name: value for name, value in SETTINGS.items() if name in known}
    for name, value in chosen.items():
        client.set_client_setting(name, value)
    return chosen
