"""A broker and a ClickHouse that somebody else runs. The environment says where, and holds every secret.

K2_BOOTSTRAP           the broker, as host:port; K2_KAFKA_* for SASL and TLS are in broker_security.py
K2_WAREHOUSE_BOOTSTRAP the same broker as ClickHouse reaches it, where that differs
K2_CLICKHOUSE_URL      http[s]://user@host:port/k2
K2_CLICKHOUSE_PASSWORD its user's password; it wins over one in that URL
K2_CLICKHOUSE_CA_FILE  PEM of the authority that signed its certificate, where the system does not trust it
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from k2pipeline.broker_security import BOOTSTRAP_VARIABLE
from k2pipeline.identifier import plain
from k2pipeline.settings_error import SettingsError
from k2pipeline.stack.base import StackError, WarehouseAddress
from k2pipeline.stack.topics import create_topics, topic_partitions

URL_VARIABLE = "K2_CLICKHOUSE_URL"
PASSWORD_VARIABLE = "K2_CLICKHOUSE_PASSWORD"  # noqa: S105  (its name, not its value)
CA_VARIABLE = "K2_CLICKHOUSE_CA_FILE"
WAREHOUSE_BOOTSTRAP_VARIABLE = "K2_WAREHOUSE_BOOTSTRAP"
_DEFAULT_PORTS = {"http": 8123, "https": 8443}
_EXAMPLE = "http://user@host:8123/k2"


def start(*, workdir: Path, bootstrap: str | None = None, clickhouse_url: str | None = None) -> ExternalStack:
    """Check that both answer. Options win over the environment; nothing is written to `workdir`.

    Raises SettingsError when an address is missing or malformed, StackError when nothing answers there.
    """
    del workdir
    there = bootstrap or os.environ.get(BOOTSTRAP_VARIABLE)
    if not there:
        raise SettingsError(f"the external stack needs {BOOTSTRAP_VARIABLE}: the broker, such as localhost:9092")
    if clickhouse_url:
        warehouse = parse_clickhouse_url(clickhouse_url)
    elif os.environ.get(URL_VARIABLE):
        warehouse = warehouse_address(None, os.environ)
    else:
        raise SettingsError(f"the external stack needs {URL_VARIABLE}: ClickHouse, such as {_EXAMPLE}")
    stack = ExternalStack(there, warehouse, os.environ.get(WAREHOUSE_BOOTSTRAP_VARIABLE) or there)
    stack.require_alive()
    return stack


class ExternalStack:
    """See Stack in base.py. Nothing here is ours, so nothing can be killed and `stop` ends nothing."""

    def __init__(self, bootstrap: str, warehouse: WarehouseAddress, warehouse_bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._warehouse = warehouse
        self._warehouse_bootstrap = warehouse_bootstrap

    @property
    def bootstrap(self) -> str:
        return self._bootstrap

    @property
    def warehouse_bootstrap(self) -> str:
        return self._warehouse_bootstrap

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
    try:
        port = parts.port
    except ValueError as error:
        raise SettingsError(f"the ClickHouse URL has a wrong port ({error}); write it as {_EXAMPLE}") from error
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise SettingsError(
            f"the ClickHouse URL has the scheme {parts.scheme!r} and the host {parts.hostname!r}; "
            "write it as http://user:password@host:8123/k2"
        )
    return WarehouseAddress(
        host=parts.hostname,
        port=port or _DEFAULT_PORTS[parts.scheme],
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        database=plain(parts.path.strip("/") or "k2", "database"),
        secure=parts.scheme == "https",
    )


def warehouse_address(url: str | None, environment: Mapping[str, str]) -> WarehouseAddress:
    """The warehouse of a URL, else of K2_CLICKHOUSE_URL, with password and CA file from the environment.

    Raises SettingsError when there is no URL or it cannot be understood, and when a given one has a password in it.
    """
    if url and urlsplit(url).password:
        raise SettingsError(
            f"--clickhouse has a password in it, and every user of this machine can read command lines; give the URL "
            f"without it ({_EXAMPLE}) and the password in the environment variable {PASSWORD_VARIABLE}"
        )
    chosen = url or environment.get(URL_VARIABLE)
    if not chosen:
        raise SettingsError(
            f"no warehouse is given; say --clickhouse {_EXAMPLE} or set {URL_VARIABLE}, and the password in "
            f"{PASSWORD_VARIABLE}. To try it: k2 up prints the address of a stack of its own"
        )
    address = parse_clickhouse_url(chosen)
    ca_file = environment.get(CA_VARIABLE, "")
    if ca_file and not address.secure:
        raise SettingsError(f"{CA_VARIABLE} is set, but {address.url} is not encrypted; write https://, or unset it")
    return replace(address, password=environment.get(PASSWORD_VARIABLE) or address.password, ca_file=ca_file)
