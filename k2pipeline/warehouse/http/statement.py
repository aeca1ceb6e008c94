"""One SQL statement as the HTTP interface must know it: keyword, format, what is to be refused. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.http.sql_tokens import Kind, Token, tokens

_DEFINITIONS = frozenset(b"CREATE DROP DETACH ATTACH RENAME EXCHANGE ALTER TRUNCATE UNDROP REPLACE".split())
_SELECTS = frozenset((b"SELECT", b"WITH", b"FROM", b"("))
_NAMES = frozenset((Kind.WORD, Kind.NAME))
_READS = _SELECTS | {b"SHOW", b"DESCRIBE", b"DESC", b"EXISTS", b"EXPLAIN", b"SET", b"USE"}
# SYSTEM SHUTDOWN sends SIGTERM to the whole process group.
_ENDS_PROCESS = (b"SHUTDOWN", b"KILL", b"SUSPEND")


@dataclass(frozen=True)
class Statement:
    """`text` is without a trailing semicolon; `format` is the one of its FORMAT clause; `sources` are the names, as
    (database or "", table), that stand after FROM and JOIN.
    """

    text: bytes
    keyword: str
    format: str | None
    temporary: bool
    sources: tuple[tuple[str, str], ...] = ()

    @property
    def is_select(self) -> bool:
        return self.keyword.encode() in _SELECTS

    @property
    def only_reads(self) -> bool:
        return self.keyword.encode() in _READS

    @property
    def is_definition(self) -> bool:
        return self.keyword.encode() in _DEFINITIONS

    @property
    def may_create_kafka_table(self) -> bool:
        return self.keyword in ("CREATE", "ATTACH")

    @property
    def leaves_state(self) -> bool:
        """Whether later statements of the same session see what it did, and nobody else."""
        return self.keyword in ("SET", "USE") or (self.keyword == "CREATE" and self.temporary)

    @property
    def names_kafka_consumers(self) -> bool:
        return b"kafka_consumers" in self.text.lower()


def read_statement(sql: bytes) -> Statement:
    """Raises WarehouseError for an empty text, several statements, and what no client may ask of a server."""
    found = list(tokens(sql))
    end = next((index for index, token in enumerate(found) if token.kind is Kind.SEMICOLON), None)
    if end is not None:
        if any(token.kind is not Kind.SEMICOLON for token in found[end:]):
            raise _syntax_error(
                f"failed at position {found[end].end} (end of query): Multi-statements are not allowed; "
                "send each statement as a request of its own"
            )
        sql, found = sql[: found[end].start], found[:end]
    if not found:
        raise _syntax_error("Empty query")
    first = found[0]
    if first.kind is not Kind.WORD and first.text != b"(":
        raise _syntax_error(f"failed at position {first.start + 1}: expected a statement, got {first.text[:40]!r}")
    _refuse(found)
    return Statement(
        text=sql,
        keyword=first.text.upper().decode(),
        format=_output_format(found),
        temporary=any(token.says(b"TEMPORARY") for token in found[1:4]),
        sources=tuple(_sources(found)),
    )


def _output_format(found: Sequence[Token]) -> str | None:
    """`.. FORMAT name`, with nothing after it but SETTINGS."""
    for index in range(len(found) - 2, 0, -1):
        keyword, name = found[index], found[index + 1]
        if keyword.depth == 0 and keyword.says(b"FORMAT") and name.kind is Kind.WORD:
            followed = index + 2 < len(found) and not found[index + 2].says(b"SETTINGS")
            if not followed and found[index - 1].text != b".":
                return name.text.decode()
    return None


def _sources(found: Sequence[Token]) -> Iterator[tuple[str, str]]:
    """Tables by name; a subquery or table function in that place is none."""
    end = Token(Kind.BLANK, b"", 0, 0, 0)
    padded = [*found, *[end] * 4]
    for keyword, first, dot, second, after in zip(*(padded[n:] for n in range(5)), strict=False):
        if not keyword.says(b"FROM", b"JOIN") or first.kind not in _NAMES:
            continue
        if dot.text == b"." and second.kind in _NAMES:
            if after.text != b"(":
                yield _name(first), _name(second)
        elif dot.text != b"(":
            yield "", _name(first)


def _name(token: Token) -> str:
    text = token.text.decode("utf-8", "replace")
    return text if token.kind is Kind.WORD else text[1:-1]


def _refuse(found: Sequence[Token]) -> None:
    for token, follower in pairwise(found):
        if token.says(b"INTO") and follower.says(b"OUTFILE"):
            raise WarehouseError(358, "INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed over HTTP")
        if token.says(b"FROM") and follower.says(b"INFILE"):
            raise WarehouseError(
                78,
                "UNKNOWN_TYPE_OF_QUERY",
                "FROM INFILE is not allowed over HTTP; send the rows in the request's body",
            )
        if token.says(b"PYTHON") and follower.text == b"(":
            raise WarehouseError(46, "UNKNOWN_FUNCTION", "Unknown table function Python")
        if token.says(b"INPUT") and follower.text == b"(" and found[0].says(b"INSERT"):
            raise WarehouseError(48, "NOT_IMPLEMENTED", "input() is not supported; INSERT INTO .. FORMAT takes rows")
    if found[0].says(b"SYSTEM") and len(found) > 1 and found[1].says(*_ENDS_PROCESS):
        raise WarehouseError(
            497,
            "ACCESS_DENIED",
            f"SYSTEM {found[1].text.decode().upper()} is not allowed; send SIGTERM to the process",
        )


def _syntax_error(message: str) -> WarehouseError:
    return WarehouseError(62, "SYNTAX_ERROR", f"Syntax error: {message}")
