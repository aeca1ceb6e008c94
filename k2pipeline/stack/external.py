"""A broker and a ClickHouse that somebody else runs: K2_BOOTSTRAP and K2_CLICKHOUSE_URL say where."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from k2pipeline.stack.base import StackError, WarehouseAddress
from k2pipeline.stack.topics import create_topics, topic_partitions

_DEFAULT_PORTS = {"http": 8123, "https": 8443}


def start(*, workdir: Path, bootstrap: str | None = None, clickhouse_url: str | None = None) -> ExternalStack:
    """Check that both answer. Options win over the environment; nothing is written to `workdir`.

    Raises ValueError when an address is missing or malformed, StackError when nothing answers there.
    """
    del workdir
    stack = ExternalStack(
        _setting(bootstrap, "K2_BOOTSTRAP", "the broker, such as localhost:9092"),
        parse_clickhouse_url(
            _setting(
                clickhouse_url,
                "K2_CLICKHOUSE_URL",
                "ClickHouse, such as http://user:password@localhost:8123/k2",
            )
        ),
    )
    stack.require_alive()
    return stack


class ExternalStack:
    """See Stack in base.py. Nothing here is ours, so nothing can be killed and `stop` ends nothing."""

    def __init__(self, bootstrap: str, warehouse: WarehouseAddress) -> None:
        self._bootstrap = bootstrap
        self._warehouse = warehouse

    @property
    def bootstrap(self) -> str:
        return self._bootstrap

    @property
    def warehouse(self) -> WarehouseAddress:
        return self._warehouse

    @property
    def processes(self) -> Mapping[str, int]:
        return {}

    def create_topics(self, names: Iterable[str], partitions: int) -> None:
        create_topics(self._bootstrap, names, partitions)

    def kill(self, name: str) -> None:
        raise self._not_ours(name, "kill")

    def restart(self, name: str) -> None:
        raise self._not_ours(name, "restart")

    def pause(self, name: str) -> None:
        raise self._not_ours(name, "pause")

    def resume(self, name: str) -> None:
        raise self._not_ours(name, "resume")

    def require_alive(self) -> None:
        """Ask both. The URL of the error is without the password."""
        topic_partitions(self._bootstrap)
        try:
            with self._warehouse.client(database="default") as client:
                client.query("SELECT 1")
        except Exception as error:
            raise StackError(f"no ClickHouse answers at {self._warehouse.url}: {error}") from error

    def stop(self) -> None:
        """Nothing to end."""

    def _not_ours(self, name: str, what: str) -> StackError:
        return StackError(f"cannot {what} the {name} of an external stack: it is not ours; use the embedded one")


def parse_clickhouse_url(url: str) -> WarehouseAddress:
    """`http[s]://[user[:password]@]host[:port][/database]`; the error does not repeat the password."""
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError(
            f"the ClickHouse URL has the scheme {parts.scheme!r} and the host {parts.hostname!r}; "
            "write it as http://user:password@host:8123/k2"
        )
    return WarehouseAddress(
        host=parts.hostname,
        port=parts.port or _DEFAULT_PORTS[parts.scheme],
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        database=parts.path.strip("/") or "k2",
        secure=parts.scheme == "https",
    )


def _setting(option: str | None, variable: str, meaning: str) -> str:
    value = option or os.environ.get(variable)
    if not value:
        raise ValueError(f"the external stack needs {variable}: {meaning}")
    return value
