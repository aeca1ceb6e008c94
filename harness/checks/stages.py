"""The stages whose latency a run measures, in the order the data takes; objectives name them.

harness/series measures exactly these (a test holds the two together).
"""

from __future__ import annotations

from typing import Final

CANDLES: Final = ("1s", "1m", "5m", "15m", "30m", "1h", "1d")

STAGES: Final = (
    "send",  # from due to really sent: what the sender itself is late
    "broker",  # from due to acknowledged
    "bronze",  # from due to readable there, and so are the others
    "silver",
    "bronze_to_silver",  # from the beginning of the insert into bronze
    *(f"ohlcv_{window}" for window in CANDLES),  # per trade: to the first state of its candle that has it
)

QUEUED: Final = frozenset(STAGES) - {"send", "broker", "bronze_to_silver"}
"""Stages that a frame reaches only after it was fetched from the broker and has waited for its block to be flushed."""
