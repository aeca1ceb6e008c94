"""An HTTP request in the warehouse's terms: the parameters of its URL and headers. Pure.

Names as in ClickHouse's HTTP interface (clickhouse.com/docs/interfaces/http, read 2026-11): whatever is not
one of its own names is a setting.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from k2pipeline.warehouse.errors import WarehouseError

DEFAULT_FORMAT = "TabSeparated"

_NOT_SETTINGS = frozenset(
    [
        *("buffer_size", "client_protocol_version", "compress", "database", "decompress", "default_format"),
        *("query", "query_id", "quota_key", "role", "stacktrace", "user", "password", "wait_end_of_query"),
        *("session_id", "session_timeout", "session_check", "close_session"),
    ]
)
_SESSION_TIMEOUT_S = 60
_SESSION_TIMEOUT_MAX_S = 3600
# Bounded, for Python refuses to read thousands of digits.
_SECONDS = re.compile(r"[0-9]{1,9}")
_FORMAT_NAME = re.compile(r"\w+", re.ASCII)
# These two go back in headers.
_QUERY_ID = re.compile(r"[\x21-\x7e]{1,256}")
_TIMEZONE = re.compile(r"[\w+/-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class SessionRequest:
    id: str
    timeout_s: int
    must_exist: bool
    close: bool


@dataclass(frozen=True)
class Request:
    """`url_query` is the part of the statement that came in the URL; the body goes on after it."""

    url_query: bytes
    database: str
    default_format: str
    query_id: str
    settings: Mapping[str, str]
    params: Mapping[str, str]
    read_only: bool
    wait_end_of_query: bool
    session: SessionRequest | None
    content_type: str
    content_encoding: str
    accept_encoding: str

    @property
    def timezone(self) -> str:
        """The engine refuses one that it does not know; until then, one that is no name counts for UTC."""
        wanted = self.settings.get("session_timezone", "")
        return wanted if _TIMEZONE.fullmatch(wanted) else "UTC"


def read_url(query_string: bytes) -> dict[str, bytes]:
    """The parameters of a URL. Of a name given twice the last one counts, but parts of `query` are joined."""
    parameters: dict[str, bytes] = {}
    for item in query_string.split(b"&"):
        raw_name, _, raw_value = item.replace(b"+", b" ").partition(b"=")
        name, value = unquote_to_bytes(raw_name).decode("utf-8", "replace"), unquote_to_bytes(raw_value)
        if name == "query":
            value = parameters.get(name, b"") + value
        if name:
            parameters[name] = value
    return parameters


def read_request(method: str, url: Mapping[str, bytes], headers: Mapping[str, str]) -> Request:
    """Raises WarehouseError for values that cannot be honoured."""
    text = {name: _text(name, value) for name, value in url.items() if name != "query"}
    _refuse(text)
    return Request(
        url_query=url.get("query", b""),
        database=text.get("database") or headers.get("x-clickhouse-database", ""),
        default_format=_format_name(headers.get("x-clickhouse-format") or text.get("default_format", "")),
        query_id=_query_id(text.get("query_id", "")),
        settings={n: v for n, v in text.items() if n not in _NOT_SETTINGS and not n.startswith("param_")},
        params={n.removeprefix("param_"): v for n, v in text.items() if n.startswith("param_")},
        read_only=method in ("GET", "HEAD"),
        wait_end_of_query=_switched_on(text.get("wait_end_of_query")),
        session=_session(text),
        content_type=headers.get("content-type", ""),
        content_encoding=headers.get("content-encoding", ""),
        accept_encoding=headers.get("accept-encoding", "") if _compression_wanted(text) else "",
    )


def _refuse(text: Mapping[str, str]) -> None:
    for name, header in (("compress", "Accept-Encoding"), ("decompress", "Content-Encoding")):
        if _switched_on(text.get(name)):
            raise WarehouseError(
                48,
                "NOT_IMPLEMENTED",
                f"{name}=1 (ClickHouse's own block compression) is not supported; "
                f"use the header {header} with lz4, zstd, gzip or deflate",
            )
    if role := text.get("role"):
        raise WarehouseError(511, "UNKNOWN_ROLE", f"There is no role {role!r}; leave the parameter `role` out")


def _session(text: Mapping[str, str]) -> SessionRequest | None:
    if not text.get("session_id"):
        return None
    timeout = text.get("session_timeout", str(_SESSION_TIMEOUT_S))
    if not _SECONDS.fullmatch(timeout) or int(timeout) > _SESSION_TIMEOUT_MAX_S:
        raise WarehouseError(
            374,
            "INVALID_SESSION_TIMEOUT",
            f"Invalid session timeout {timeout[:40]!r}; give whole seconds, at most {_SESSION_TIMEOUT_MAX_S}",
        )
    return SessionRequest(
        text["session_id"],
        int(timeout),
        text.get("session_check") == "1",
        _switched_on(text.get("close_session")),
    )


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise WarehouseError(36, "BAD_ARGUMENTS", f"URL parameter {name[:100]!r} is not valid UTF-8: {error}") from None


def _format_name(name: str) -> str:
    if name and not _FORMAT_NAME.fullmatch(name):
        raise WarehouseError(73, "UNKNOWN_FORMAT", f"Unknown format {name[:100]!r}")
    return name or DEFAULT_FORMAT


def _query_id(given: str) -> str:
    if given and not _QUERY_ID.fullmatch(given):
        raise WarehouseError(
            36,
            "BAD_ARGUMENTS",
            f"query_id {given[:100]!r} must be 1 to 256 printable ASCII characters without blanks",
        )
    return given or str(uuid.uuid4())


def _compression_wanted(text: Mapping[str, str]) -> bool:
    return _switched_on(text.get("enable_http_compression", "1"))


def _switched_on(value: str | None) -> bool:
    return value is not None and value.lower() not in ("", "0", "false")
