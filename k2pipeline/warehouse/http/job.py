"""What a request asks for, read from its URL and body: a statement, an INSERT's rows, external tables."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.http.compression import ByteSource
from k2pipeline.warehouse.http.insert_head import HeadIncomplete, InsertHead, find_insert_head
from k2pipeline.warehouse.http.multipart import Part, form_boundary, read_form
from k2pipeline.warehouse.http.request import DEFAULT_FORMAT, Request
from k2pipeline.warehouse.http.spool import SpoolDirectory
from k2pipeline.warehouse.http.statement import Statement, read_statement

_QUERY_MAX_BYTES = 16 * 1024 * 1024
_FORM_MAX_BYTES = 64 * 1024 * 1024
_FIRST_READ_BYTES = 64 * 1024


@dataclass(frozen=True)
class ExternalTable:
    """A table that the request brings along, for its own statement only."""

    name: str
    structure: str
    format: str
    data: Path


@dataclass(frozen=True)
class Insert:
    head: InsertHead
    rows: Path


@dataclass(frozen=True)
class Job:
    """`work` is an Insert if the request brings rows for it, any other statement otherwise."""

    request: Request
    work: Statement | Insert
    tables: tuple[ExternalTable, ...] = ()


def read_job(request: Request, body: ByteSource, spool: SpoolDirectory, kept: ExitStack) -> Job:
    """Read the whole body; rows wait in files that live as long as `kept`. Raises WarehouseError."""
    boundary = form_boundary(request.content_type) if request.content_type else None
    if boundary is None:
        return Job(request, _read_work(request.url_query, body, spool, kept))
    parts = read_form(_read_all(body, _FORM_MAX_BYTES, "form"), boundary)
    fields = {part.name: part.data for part in parts if not part.is_file}
    request = _with_fields(request, fields)
    tables = [_external_table(part, request.settings, spool, kept) for part in parts if part.is_file]
    used = {f"{table.name}_{what}" for table in tables for what in ("structure", "types", "format")}
    settings = {name: value for name, value in request.settings.items() if name not in used}
    work = _read_work(request.url_query, BytesIO(fields.get("query", b"")), spool, kept)
    return Job(replace(request, settings=settings), work, tuple(tables))


def _read_work(start: bytes, body: ByteSource, spool: SpoolDirectory, kept: ExitStack) -> Statement | Insert:
    """The statement begins in the URL and goes on in the body, after a line end."""
    sql = start + b"\n" if start else b""
    read_bytes = _FIRST_READ_BYTES
    while True:
        chunk = body.read(read_bytes)
        sql += chunk
        try:
            head = find_insert_head(sql, complete=not chunk)
            break
        except HeadIncomplete:
            _limit(len(sql), _QUERY_MAX_BYTES, "query")
            # Every attempt starts over, so the next one has twice as much to look at.
            read_bytes = max(read_bytes, len(sql))
    if head is None:
        rest = _read_all(body, _QUERY_MAX_BYTES - len(sql), "query") if chunk else b""
        return read_statement(sql + rest)
    return Insert(head, kept.enter_context(spool.holding(sql[head.data_offset :], body)))


def _read_all(body: ByteSource, limit_bytes: int, what: str) -> bytes:
    chunks: list[bytes] = []
    total = 0
    while chunk := body.read(_FIRST_READ_BYTES):
        chunks.append(chunk)
        total += len(chunk)
        _limit(total, limit_bytes, what)
    return b"".join(chunks)


def _limit(size: int, limit_bytes: int, what: str) -> None:
    if size > limit_bytes:
        raise WarehouseError(
            229,
            "QUERY_IS_TOO_LARGE",
            f"the {what} is longer than {_QUERY_MAX_BYTES if what == 'query' else limit_bytes} bytes; "
            "send rows by INSERT .. FORMAT, whose data is not limited",
        )


def _with_fields(request: Request, fields: Mapping[str, bytes]) -> Request:
    try:
        params = {
            name.removeprefix("param_"): value.decode() for name, value in fields.items() if name.startswith("param_")
        }
    except UnicodeDecodeError as error:
        raise WarehouseError(36, "BAD_ARGUMENTS", f"a parameter is not valid UTF-8: {error}") from None
    return replace(request, params={**request.params, **params})


def _external_table(part: Part, options: Mapping[str, str], spool: SpoolDirectory, kept: ExitStack) -> ExternalTable:
    structure = options.get(f"{part.name}_structure")
    if structure is None and (types := options.get(f"{part.name}_types")):
        structure = ", ".join(f"_{number} {each}" for number, each in enumerate(_split_types(types), 1))
    if not structure:
        raise WarehouseError(
            36,
            "BAD_ARGUMENTS",
            f"Neither structure nor types have not been provided for external table {part.name}. "
            f"Use URL parameter {part.name}_structure or {part.name}_types",
        )
    data = kept.enter_context(spool.holding(part.data, BytesIO()))
    return ExternalTable(part.name, structure, options.get(f"{part.name}_format", DEFAULT_FORMAT), data)


def _split_types(types: str) -> list[str]:
    """Split at the commas outside brackets: `UInt8, Map(String, String)` is two types."""
    depth, parts = 0, [""]
    for character in types:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]
