"""Kraken spot's public trade feed: WebSocket v2 (`/v2`) and v1 (`/`)."""

from __future__ import annotations

from typing import Final

from harness.exchange.dialects.kraken.arrays import KrakenArrays
from harness.exchange.dialects.kraken.objects import KrakenObjects

DIALECTS: Final = (KrakenObjects, KrakenArrays)
