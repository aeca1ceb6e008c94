"""When a feed handler was not connected, read from its session log: the JSON lines that `k2 feed` writes to stderr."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

_LOGGER: Final = "k2.feed.session"


@dataclass(frozen=True, slots=True)
class Outage:
    """A time, in ns since 1970, in which a connection to an exchange was lost and not yet replaced."""

    exchange: str
    from_ns: int
    until_ns: int
    detail: str


def outages(lines: Iterable[str]) -> tuple[Outage, ...]:
    """The outages of one log. Lines that are no JSON, or none of a session, are passed over.

    An outage begins when a connection ended that was subscribed, and ends when its exchange is subscribed again; one
    that the log does not see the end of goes on to its last line. A planned replacement is none.
    """
    exchanges: dict[str, str] = {}
    ended: dict[str, list[tuple[int, str]]] = {}
    found: list[Outage] = []
    last_ns = 0
    for line in _session_lines(lines):
        last_ns = _ns(line["at"])
        conn = str(line.get("conn", ""))
        if line.get("event") == "subscribed":
            exchange = exchanges[conn] = str(line.get("exchange", ""))
            if waiting := ended.get(exchange):
                found.append(Outage(exchange, waiting[0][0], last_ns, waiting.pop(0)[1]))
        elif line.get("event") == "connection ended" and conn in exchanges:
            detail = f"{line.get('cause', 'lost')}: {line.get('detail', '')}"
            ended.setdefault(exchanges[conn], []).append((last_ns, detail))
    for exchange, waiting in ended.items():
        found += [Outage(exchange, from_ns, last_ns, detail) for from_ns, detail in waiting]
    return tuple(sorted(found, key=lambda outage: (outage.from_ns, outage.exchange)))


def _session_lines(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for text in lines:
        try:
            line = json.loads(text)
        except ValueError:  # other libraries write to stderr too
            continue
        if isinstance(line, dict) and line.get("logger") == _LOGGER and isinstance(line.get("at"), str):
            yield line


def _ns(at: str) -> int:
    moment = datetime.fromisoformat(at)
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1_000
