"""What a gap is, and why there is one."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

LISTED_GAPS: Final = 200


class Cause(enum.StrEnum):
    """Why trades are missing, or were for a while, or seem to be."""

    PIPELINE_LOSS = "pipeline_loss"  # they were acknowledged or received, and are absent
    CONNECTION_LOSS = "connection_loss"  # nobody was connected to receive them
    REFUSED = "refused"  # they came, and are dead letters
    LATE_ARRIVAL = "late_arrival"  # they came after later ones
    EXCHANGE_HALT = "exchange_halt"  # nothing came of any symbol, and the ids go on: there were none
    NEVER_SENT = "never_sent"  # connected, and the exchange did not send them; only the truth of a run knows
    ID_JUMP = "id_jump"  # no trade has these ids: the exchange jumped ahead; only the truth of a run knows
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Gap:
    """Ids `first_id` to `last_id` of a symbol; in a halt there are neither, and the symbol is ''.

    from_ns and until_ns, since 1970, are the receipts of the trades around it; of a late arrival, when the gap opened
    and when it was filled. `detail` is the evidence, in words.
    """

    exchange: str
    symbol: str
    cause: Cause
    first_id: int | None
    last_id: int | None
    from_ns: int
    until_ns: int
    detail: str

    @property
    def trades(self) -> int:
        """How many trades are, or were, missing."""
        return 0 if self.first_id is None or self.last_id is None else self.last_id - self.first_id + 1

    def as_json(self) -> dict[str, Any]:
        """As results.json has it."""
        return {
            "exchange": self.exchange,
            "symbol": self.symbol,
            "cause": str(self.cause),
            "first_id": self.first_id,
            "last_id": self.last_id,
            "trades": self.trades,
            "from": _text(self.from_ns),
            "until": _text(self.until_ns),
            "seconds": round((self.until_ns - self.from_ns) / 1e9, 3),
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class GapReport:
    """All gaps of a warehouse, in the order of time. cut_short: evidence of which there was too much to read it all, so
    that causes, or whole gaps, may be missing.
    """

    gaps: tuple[Gap, ...]
    cut_short: tuple[str, ...] = ()

    def of(self, cause: Cause) -> tuple[Gap, ...]:
        """The gaps of one cause."""
        return tuple(gap for gap in self.gaps if gap.cause is cause)

    def trades(self, cause: Cause) -> int:
        """How many trades the gaps of one cause are."""
        return sum(gap.trades for gap in self.of(cause))

    def as_json(self) -> Mapping[str, Any]:
        """Gaps and trades by cause, and the first LISTED_GAPS gaps; a run's report shows both as tables."""
        found = [cause for cause in Cause if self.of(cause)]
        return {
            "by_cause": [
                {"cause": str(cause), "gaps": len(self.of(cause)), "trades": self.trades(cause)} for cause in found
            ],
            "listed": [gap.as_json() for gap in self.gaps[:LISTED_GAPS]],
            "not_listed": max(len(self.gaps) - LISTED_GAPS, 0),
            "cut_short": list(self.cut_short),
        }


def _text(time_ns: int) -> str:
    seconds, rest_ns = divmod(time_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ns // 1_000:06d}Z"
