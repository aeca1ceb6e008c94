"""Which rows a check may rightly show: everything by which a changed frame can be pointed at."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import polars as pl

from harness.truth import Truth
from harness.truth.tables import WINDOWS_S

Place = tuple[str, int, int]
Market = tuple[str, str]
Seqs = frozenset[int]

NOBODY: Final[Seqs] = frozenset()
_BRONZE: Final = "bronze_trades_"
_GOLD: Final = "ohlcv_"
_SPAN_S: Final = 60


@dataclass
class Suspects:
    """Changed frames, by seq: at their places, by their trades' ids, and by the times and markets of these.

    `moments` are (market by canonical symbol, event time in s); `receipts` the same by the exchange's own symbol and
    receive time.
    """

    seqs: Seqs
    sent_ns: Mapping[int, int]
    places: dict[Place, int] = field(default_factory=dict)
    ids: dict[Market, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    moments: list[tuple[Market, int, int]] = field(default_factory=list)
    receipts: list[tuple[Market, int, int]] = field(default_factory=list)

    def pointed_at(self, suite: str, row: Mapping[str, str]) -> Seqs:
        """The changed frames that a row of a check shows."""
        if row.get("seq", "").isdigit():
            return self.seqs & {int(row["seq"])}
        for look in (self._by_place, self._by_trade, self._by_range, self._by_window, self._by_span, self._by_silence):
            found = look(suite, row)
            if found is not None:
                return found
        return NOBODY

    def _by_place(self, suite: str, row: Mapping[str, str]) -> Seqs | None:  # noqa: ARG002
        for prefix in ("_", "source_"):
            place = [row.get(f"{prefix}{name}", "") for name in ("topic", "partition", "offset")]
            if place[1].isdigit() and place[2].isdigit():
                seq = self.places.get((place[0], int(place[1]), int(place[2])))
                return NOBODY if seq is None else frozenset({seq})
        return None

    def _by_trade(self, suite: str, row: Mapping[str, str]) -> Seqs | None:
        exchange = row.get("exchange") or suite.removeprefix(_BRONZE)
        if "symbol" not in row or "trade_id" not in row:
            return None
        seq = self.ids.get((exchange, row["symbol"]), {}).get(row["trade_id"])
        return NOBODY if seq is None else frozenset({seq})

    def _by_range(self, suite: str, row: Mapping[str, str]) -> Seqs | None:  # noqa: ARG002
        """Missing ids, or the ones around them where all of these were never there."""
        if "first_missing" not in row or "symbol" not in row:
            return None
        ids = {
            int(text): seq for text, seq in self.ids.get((row["exchange"], row["symbol"]), {}).items() if text.isdigit()
        }
        first, last = int(row["first_missing"]), int(row["last_missing"])
        known = sorted(ids)
        inside = known[bisect_left(known, first) : bisect_right(known, last)]
        return frozenset(ids[n] for n in inside or [n for n in (first - 1, last + 1) if n in ids])

    def _by_window(self, suite: str, row: Mapping[str, str]) -> Seqs | None:
        if "window_start" not in row or not suite.startswith(_GOLD):
            return None
        length_s, start_s = WINDOWS_S[suite.removeprefix(_GOLD)], _seconds(row["window_start"])
        return self._within([(row["exchange"], row["canonical_symbol"])], start_s, start_s + length_s)

    def _by_span(self, suite: str, row: Mapping[str, str]) -> Seqs | None:  # noqa: ARG002
        if "span" not in row or "dearest" not in row:
            return None
        markets = [(row[name], row["canonical_symbol"]) for name in ("dearest", "cheapest")]
        return self._within(markets, _seconds(row["span"]), _seconds(row["span"]) + _SPAN_S)

    def _by_silence(self, suite: str, row: Mapping[str, str]) -> Seqs | None:  # noqa: ARG002
        if "silent_from" not in row:
            return None
        begin_s, end_s = _seconds(row["silent_from"]), _seconds(row["silent_until"])
        return frozenset(
            seq
            for (exchange, symbol), at_s, seq in self.receipts
            if exchange == row["exchange"] and symbol == row.get("symbol", symbol) and begin_s <= at_s <= end_s
        )

    def _within(self, markets: Iterable[Market], start_s: int, end_s: int) -> Seqs:
        wanted = set(markets)
        return frozenset(seq for market, at_s, seq in self.moments if market in wanted and start_s <= at_s < end_s)


def suspects_of(ledger: pl.DataFrame, truth: Truth, clean_ledger: pl.DataFrame, clean: Truth) -> Suspects:
    """What was changed in a play, beside the clean play of the same tape."""
    tagged = ledger.filter(pl.col("faults").list.len() > 0)
    seqs = frozenset(tagged["seq"])
    sent = tagged.select("seq", pl.coalesce("sent_ns", "scheduled_ns").alias("sent_ns"))
    found = Suspects(seqs, dict(sent.iter_rows()))
    placed = tagged.filter(pl.col("offset").is_not_null()).select("topic", "partition", "offset", "seq")
    found.places = {(topic, partition, offset): seq for topic, partition, offset, seq in placed.iter_rows()}
    _take(found, truth, seqs)
    if _is_aligned(ledger, clean_ledger):
        _take(found, clean, seqs)
    return found


def _take(found: Suspects, truth: Truth, seqs: Seqs) -> None:
    """The trades that a truth knows of these frames; what is known already stays."""
    chosen = pl.Series("seq", sorted(seqs), pl.Int64).to_frame()
    silver = truth.tables["silver_trades"].join(chosen, on="seq", how="semi")
    columns = ("exchange", "symbol", "canonical_symbol", "trade_id", "timestamp", "ingestion_timestamp", "seq")
    for exchange, symbol, canonical, trade_id, at, received, seq in silver.select(
        *columns[:4], pl.col("timestamp").dt.epoch("s"), pl.col("ingestion_timestamp").dt.epoch("s"), "seq"
    ).iter_rows():
        found.ids[exchange, symbol].setdefault(trade_id, seq)
        found.moments.append(((exchange, canonical), at, seq))
        found.receipts.append(((exchange, symbol), received, seq))
    for name, rows in truth.tables.items():
        if name.startswith(_BRONZE):
            _take_ids(found, name.removeprefix(_BRONZE), rows.join(chosen, on="seq", how="semi"))
    gaps = truth.tables["gaps"].join(chosen, on="seq", how="semi")
    for exchange, symbol, trade_id, seq in gaps.select("exchange", "symbol", "trade_id", "seq").iter_rows():
        found.ids[exchange, symbol].setdefault(str(trade_id), seq)


def _take_ids(found: Suspects, exchange: str, bronze: pl.DataFrame) -> None:
    for symbol, trade_id, seq in bronze.select("symbol", "trade_id", "seq").iter_rows():
        if trade_id is not None:
            found.ids[exchange, symbol].setdefault(str(trade_id), seq)


def _is_aligned(ledger: pl.DataFrame, clean: pl.DataFrame) -> bool:
    """Whether the frames that were not changed stand where they stand in the clean play, so that seq means the same."""
    untouched = ledger.filter(pl.col("faults").list.len() == 0)
    same = untouched.join(clean, on=["seq", "frame"], how="semi")
    return len(ledger) == len(clean) and len(same) == len(untouched)


def _seconds(text: str) -> int:
    """`2026-01-01 00:00:00`, in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
