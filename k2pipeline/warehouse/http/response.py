"""Headers and error texts of ClickHouse's HTTP interface. Pure.

Source: clickhouse.com/docs/interfaces/http (read 2026-11). An exception in the middle of an answer stands, as
in ClickHouse since 25.11, between `__exception__` marks, with the tag that a header announced.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from k2pipeline.warehouse.engine import Statistics
from k2pipeline.warehouse.errors import WarehouseError

Headers = list[tuple[bytes, bytes]]

_PLAIN = "text/plain; charset=UTF-8"
_CONTENT_TYPES: Mapping[str, str] = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNames": "text/tab-separated-values; charset=UTF-8",
    "TSVWithNames": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNamesAndTypes": "text/tab-separated-values; charset=UTF-8",
    "TSVWithNamesAndTypes": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "CSVWithNamesAndTypes": "text/csv; charset=UTF-8; header=present",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "JSONCompactEachRow": "application/x-ndjson; charset=UTF-8",
    "XML": "application/xml; charset=UTF-8",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
    "RowBinaryWithNamesAndTypes": "application/octet-stream",
    "Parquet": "application/octet-stream",
    "Arrow": "application/octet-stream",
    "ArrowStream": "application/octet-stream",
}
_EXPOSED = ",".join(
    f"X-ClickHouse-{name}"
    for name in (
        "Query-Id",
        "Summary",
        "Server-Display-Name",
        "Format",
        "Timezone",
        "Exception-Code",
        "Exception-Tag",
    )
)


@dataclass(frozen=True)
class Identity:
    """What every answer to one query says of it."""

    query_id: str
    timezone: str
    exception_tag: str
    server_name: str

    def headers(self) -> Headers:
        return [
            (b"access-control-expose-headers", _EXPOSED.encode()),
            (b"x-clickhouse-server-display-name", self.server_name.encode()),
            (b"x-clickhouse-query-id", self.query_id.encode()),
            (b"x-clickhouse-timezone", self.timezone.encode()),
            (b"x-clickhouse-exception-tag", self.exception_tag.encode()),
        ]


def output_headers(fmt: str, encoding: str | None) -> Headers:
    headers = [(b"content-type", _CONTENT_TYPES.get(fmt, _PLAIN).encode())]
    if fmt:
        headers.append((b"x-clickhouse-format", fmt.encode()))
    if encoding is not None:
        headers += [(b"content-encoding", encoding.encode()), (b"vary", b"Accept-Encoding")]
    return headers


def summary_header(statistics: Statistics, elapsed_ns: int) -> tuple[bytes, bytes]:
    summary = {
        "read_rows": statistics.read_rows,
        "read_bytes": statistics.read_bytes,
        "written_rows": statistics.written_rows,
        "written_bytes": statistics.written_bytes,
        "total_rows_to_read": 0,
        "result_rows": statistics.result_rows,
        "elapsed_ns": elapsed_ns,
    }
    text = json.dumps({name: str(value) for name, value in summary.items()}, separators=(",", ":"))
    return b"x-clickhouse-summary", text.encode()


def error_headers(error: WarehouseError) -> Headers:
    return [
        (b"content-type", _PLAIN.encode()),
        (b"x-clickhouse-exception-code", str(error.code).encode()),
    ]


def error_text(error: WarehouseError, version: str) -> bytes:
    return f"{error} (version {version} (official build))\n".encode("utf-8", "replace")


def failure_within_output(text: bytes, tag: str) -> bytes:
    """What to write when part of an answer is out already; the connection must then break off."""
    mark = b"__exception__\r\n"
    return b"\r\n" + mark + tag.encode() + b"\r\n" + text + b"%d %s\r\n" % (len(text), tag.encode()) + mark
