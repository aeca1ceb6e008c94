"""Errors as ClickHouse words them: a numeric code, a name, and one line of text.

Clients tell errors apart by code (`X-ClickHouse-Exception-Code`) and people by name, so the engine's own
errors pass through unchanged and ours take the same shape.
"""

from __future__ import annotations

import re
from http import HTTPStatus

_CODED = re.compile(r"Code: (?P<code>\d+)\. DB::Exception: ")
_TRAILING_NAME = re.compile(r"\s*\((?P<name>[A-Z][A-Z0-9_]+)\)(?:\s*\(version [^()]*(?:\([^()]*\))?\)\.?)?\s*$")
_UNKNOWN_CODE, _UNKNOWN_NAME = 1002, "UNKNOWN_EXCEPTION"

# ClickHouse's src/Server/HTTP/exceptionCodeToHTTPStatus.cpp, read 2026-11; every other code is a 500.
_STATUS_BY_CODES = {
    HTTPStatus.BAD_REQUEST: (
        {
            6,
            8,
            15,
            25,
            26,
            27,
            36,
            37,
            38,
            41,
            44,
            53,
            62,
            72,
            117,
            123,
            167,
            168,
            223,
            321,
            376,
            427,
            441,
            675,
            676,
        }
    ),
    HTTPStatus.UNAUTHORIZED: {194},
    HTTPStatus.FORBIDDEN: {192, 193, 497, 512, 516},
    HTTPStatus.NOT_FOUND: {46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511},
    HTTPStatus.REQUEST_TIMEOUT: {159},
    HTTPStatus.LENGTH_REQUIRED: {381},
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: {229},
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: {779},
    HTTPStatus.NOT_IMPLEMENTED: {48},
    HTTPStatus.SERVICE_UNAVAILABLE: {76, 209, 439},
}
_HTTP_STATUS = {code: status for status, codes in _STATUS_BY_CODES.items() for code in codes}


class WarehouseError(Exception):
    """A failure with ClickHouse's code: `WarehouseError(60, "UNKNOWN_TABLE", "Table x does not exist")`."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(code, name, message)
        self.code = code
        self.name = name
        self.message = message

    def __str__(self) -> str:
        stop = "" if self.message.endswith(".") else "."
        return f"Code: {self.code}. DB::Exception: {self.message}{stop} ({self.name})"

    @property
    def http_status(self) -> HTTPStatus:
        return _HTTP_STATUS.get(self.code, HTTPStatus.INTERNAL_SERVER_ERROR)

    @classmethod
    def from_engine(cls, text: str) -> WarehouseError:
        """Read the text of an engine's exception; one of another shape becomes UNKNOWN_EXCEPTION.

        An exception that passed through several layers of the engine repeats code and name; one each is kept.
        """
        coded = _CODED.search(text)
        if coded is None:
            return cls(_UNKNOWN_CODE, _UNKNOWN_NAME, text.strip() or "the engine failed without a message")
        message, name = text[coded.end() :], _UNKNOWN_NAME
        while repeated := _CODED.match(message):
            message = message[repeated.end() :]
        while named := _TRAILING_NAME.search(message):
            message, name = message[: named.start()], named["name"]
        return cls(int(coded["code"]), name, message.strip())


class ClientGone(Exception):  # noqa: N818  (the client's right, nothing failed here)
    """The client of the request closed its connection: there is nobody to answer."""
