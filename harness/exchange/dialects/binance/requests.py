"""Requests on a Binance stream connection, and the exact answers to them.

Source: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams, read 2026-09: Live
Subscribing/Unsubscribing, Error Messages. The answers carry an error in `error`, as recorded ones do. Binance
does not say what it answers to more than 1,024 streams; `TOO_MANY_STREAMS` is our wording.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

import msgspec

METHODS: Final = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")

INVALID_STREAM: Final = "Invalid request: invalid stream"
TOO_MANY_PARAMETERS: Final = "Invalid request: too many parameters"
TOO_MANY_STREAMS: Final = "Invalid request: too many streams"
NO_PROPERTY_NAME: Final = "Invalid request: property name must be a string"
WRONG_ID: Final = "Invalid request: request ID must be an unsigned integer"
UNKNOWN_PROPERTY: Final = "Unknown property"
NO_BOOLEAN: Final = "Invalid value type: expected Boolean"

_PERIOD: Final = r"(?:1s|1m|3m|5m|15m|30m|1h|2h|4h|6h|8h|12h|1d|3d|1w|1M)"
_CHANNEL: Final = (
    r"trade|aggTrade|blockTrade|bookTicker|miniTicker|ticker|ticker_(?:1h|4h|1d)|avgPrice|referencePrice"
    rf"|kline_{_PERIOD}(?:@\+08:00)?|depth(?:5|10|20)?(?:@(?:100|1000)ms)?"
)
_STREAM: Final = re.compile(
    rf"(?P<symbol>[^\s,/@\"\\]{{1,64}})@(?:{_CHANNEL})|!(?:miniTicker|ticker|ticker_(?:1h|4h|1d))@arr"
)
_METHOD: Final = re.compile(r'"method"\s*:\s*"(?:[^"\\]|\\.)*"')
_TEXT_ID: Final = re.compile(r"[A-Za-z0-9]{1,36}")


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was understood. `id` is its own text, so that it comes back as it was sent."""

    method: str
    params: object
    id: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """A request that was not; `answer` is what the client is told."""

    answer: bytes


def is_stream(name: str) -> bool:
    """True for the name of a stream: lower case, of a known channel. Whether the symbol exists is not asked."""
    matched = _STREAM.fullmatch(name)
    return matched is not None and (matched["symbol"] is None or matched["symbol"] == matched["symbol"].lower())


def read_request(text: str) -> Request | Fault:
    """Understand one message of a client."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        line, column = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (1, 1)
        return Fault(refused(3, f"Invalid JSON: expected value at line {line} column {column}"))
    if not isinstance(fields, dict) or "method" not in fields:
        return Fault(refused(2, f"Invalid request: missing field `method` at {_place(text, len(text.rstrip()))}"))
    method, id_ = fields["method"], _id(fields)
    if method not in METHODS:
        shown = method if isinstance(method, str) else msgspec.json.encode(method).decode()
        expected = ", ".join(f"`{known}`" for known in METHODS)
        matched = _METHOD.search(text)
        place = _place(text, matched.end() if matched else len(text.rstrip()))
        return Fault(
            refused(2, f"Invalid request: unknown variant `{shown}`, expected one of {expected} at {place}", id_)
        )
    if id_ is None:
        return Fault(refused(2, WRONG_ID))
    return Request(method, fields.get("params"), id_)


def result(value: object, id_: bytes) -> bytes:
    """The answer to a request that was carried out."""
    return b'{"result":' + msgspec.json.encode(value) + b',"id":' + id_ + b"}"


def refused(code: int, message: str, id_: bytes | None = None) -> bytes:
    """The answer to one that was not."""
    return b'{"error":' + msgspec.json.encode({"code": code, "msg": message}) + b',"id":' + (id_ or b"null") + b"}"


def _id(fields: dict[str, object]) -> bytes | None:
    """The request's id as JSON: a 64-bit integer, a short word, or null; None where there is none of these."""
    if "id" not in fields:
        return None
    id_ = fields["id"]
    is_number = isinstance(id_, int) and not isinstance(id_, bool) and -(2**63) <= id_ < 2**63
    is_word = isinstance(id_, str) and _TEXT_ID.fullmatch(id_) is not None
    return msgspec.json.encode(id_) if is_number or is_word or id_ is None else None


def _place(text: str, end: int) -> str:
    """Line and column of the last character before `end`, counted from 1, as the exchange's parser counts."""
    before = text[:end]
    return f"line {before.count(chr(10)) + 1} column {end - before.rfind(chr(10)) - 1}"
