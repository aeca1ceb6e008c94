"""The head of an INSERT that brings its own rows: everything up to the first byte of data. Pure.

INSERT INTO t (a, b) SETTINGS x = 1 FORMAT Native\\n<rows>
INSERT INTO t VALUES (1, 2), (3, 4)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from k2pipeline.warehouse.http.sql_tokens import Kind, Token, tokens

# As in ClickHouse's ParserInsertQuery.cpp: blanks after the format's name, then at most one line end.
_BEFORE_DATA = re.compile(rb"[ \t\f]*+(?:\r?\n)?")
_ROWS_FROM_ELSEWHERE = (b"SELECT", b"WITH", b"FROM", b"WATCH")


@dataclass(frozen=True)
class InsertHead:
    """`into` = `INSERT INTO t (a, b)`, `settings` = `SETTINGS x = 1` or nothing; the data is what follows."""

    into: bytes
    settings: bytes
    format: str
    data_offset: int


class HeadIncomplete(Exception):  # noqa: N818  (not an error: there is more to read)
    """The bytes seen so far could still become the head of an INSERT."""


def find_insert_head(sql: bytes, complete: bool) -> InsertHead | None:
    """The head that `sql` begins with; None if it is no INSERT, or one with rows from a query or a file.

    Raises HeadIncomplete when more bytes are needed to tell; not if `complete`, when there are none.
    """
    try:
        return _read_head(sql, _Tokens(sql, complete))
    except _EndOfText:
        return None


def _read_head(sql: bytes, stream: _Tokens) -> InsertHead | None:
    if not stream.next().says(b"INSERT"):
        return None
    token, settings_start = _skip_target(stream), None
    while True:
        if token.says(*_ROWS_FROM_ELSEWHERE) or token.kind is Kind.SEMICOLON:
            return None
        if token.kind is Kind.OPEN and settings_start is None and stream.next().says(*_ROWS_FROM_ELSEWHERE):
            return None
        if token.says(b"SETTINGS"):
            settings_start = token.start
        if token.says(b"VALUES", b"FORMAT"):
            return _cut(sql, stream, token, token.start if settings_start is None else settings_start)
        token = stream.next_top()


def _skip_target(stream: _Tokens) -> Token:
    """The token after INTO, TABLE, FUNCTION and the name; so a table called `values` is no keyword."""
    token = stream.next_top()
    while token.says(b"INTO", b"TABLE", b"FUNCTION"):
        token = stream.next_top()
    while True:
        if token.kind is Kind.OPEN:  # {table:Identifier}
            stream.next_top()
        token = stream.next_top()
        if token.text != b".":
            return token
        token = stream.next_top()


def _cut(sql: bytes, stream: _Tokens, keyword: Token, into_end: int) -> InsertHead:
    settings = sql[into_end : keyword.start]
    if keyword.says(b"VALUES"):
        return InsertHead(sql[:into_end], settings, "Values", keyword.end)
    name = stream.next()
    blanks = _BEFORE_DATA.match(sql, name.end)
    data_offset = blanks.end() if blanks else name.end
    if sql[data_offset:] in (b"", b"\r"):
        stream.ran_out()
    return InsertHead(sql[:into_end], settings, name.text.decode("ascii", "replace"), data_offset)


class _EndOfText(Exception):  # noqa: N818  (ends the reading, nothing is wrong)
    pass


class _Tokens:
    """Tokens one by one; running out of them ends the reading, for good or until there is more."""

    def __init__(self, sql: bytes, complete: bool) -> None:
        self._tokens = tokens(sql)
        self._certain_end = len(sql) + complete
        self._complete = complete

    def next(self) -> Token:
        token = next(self._tokens, None)
        # The last token seen so far may be the first half of a longer one.
        if token is None or token.kind is Kind.UNCLOSED or token.end >= self._certain_end:
            raise _EndOfText if self._complete else HeadIncomplete
        return token

    def next_top(self) -> Token:
        """The next token outside brackets."""
        while (token := self.next()).depth:
            pass
        return token

    def ran_out(self) -> None:
        """What was read so far may not be all that stands before the data: complain if there is more."""
        if not self._complete:
            raise HeadIncomplete
