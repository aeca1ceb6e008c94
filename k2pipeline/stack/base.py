"""What every stack offers, wherever its broker and warehouse run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

import clickhouse_connect


class StackError(Exception):
    """The stack could not start, or a part of it died; the message says which and shows its last words."""


@dataclass(frozen=True)
class WarehouseAddress:
    """Where a ClickHouse HTTP interface is and who asks. The password is in no repr.

    ca_file: PEM with the authorities that may have signed its certificate; empty for those the system trusts.
    """

    host: str
    port: int
    user: str = "default"
    password: str = field(default="", repr=False)
    database: str = "k2"
    secure: bool = False
    ca_file: str = ""

    @property
    def url(self) -> str:
        """`http://host:port`, without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}"

    def sqlalchemy_url(self) -> str:
        """For create_engine, and so for Great Expectations. It contains the password: keep it out of logs."""
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        address = self.url.split("://", 1)[1]
        return f"clickhousedb://{login}@{address}/{self.database}{self._tls_query()}"

    def client(self, **options: Any) -> Any:
        """A clickhouse-connect client; options are get_client's. Close it, or use it in a `with`.

        It has no session, so that several threads may use it at once. Before the schema is applied there may
        be no such database: `client(database="default")`.
        """
        chosen = {"database": self.database, "autogenerate_session_id": False, **options}
        return clickhouse_connect.get_client(
            host=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            interface="https" if self.secure else "http",
            ca_cert=self.ca_file or None,
            **chosen,
        )

    def _tls_query(self) -> str:
        if not self.secure:
            return ""
        return "?secure=true" + (f"&ca_cert={quote(self.ca_file, safe='')}" if self.ca_file else "")


class Stack(Protocol):
    """A running broker and warehouse. Parts have the names "broker" and "warehouse"."""

    @property
    def bootstrap(self) -> str:
        """The broker, as `host:port`."""

    @property
    def warehouse_bootstrap(self) -> str:
        """The same broker as the warehouse reaches it, which may be in another network than we are."""

    @property
    def warehouse(self) -> WarehouseAddress: ...

    @property
    def processes(self) -> Mapping[str, int]:
        """Process id of each part that runs and that this stack started; empty where nothing is ours."""

    def create_topics(self, names: Iterable[str], partitions: int) -> None:
        """Create the topics that do not exist; StackError for one with another number of partitions."""

    def kill(self, name: str) -> None:
        """SIGKILL, as a crash would end it; returns when the process is gone."""

    def restart(self, name: str) -> None:
        """Start a part again where it was, on the same data and port; kills it first if it still runs."""

    def pause(self, name: str) -> None:
        """SIGSTOP: the process is there and does not answer."""

    def resume(self, name: str) -> None:
        """SIGCONT after `pause`."""

    def require_alive(self) -> None:
        """StackError if a part died that nobody killed."""

    def stop(self) -> None:
        """End exactly what this stack started. May be called twice."""
