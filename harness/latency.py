"""Latency from the scheduled send to the row being there, read off the warehouse after a run.

Both ends are wall-clock times of one machine: `scheduled_ns` of the truth's frames, so that a sender that
fell behind counts as slow and is not left out, and the time the warehouse stamped on the row as it computed
it.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from harness.results import Percentiles

# A percentile is quoted only when at least this many samples lie above it.
SAMPLES_ABOVE: Final = 10

_SILVER: Final = """
SELECT toUnixTimestamp64Micro(silver.processed_at) - intDiv(frames.scheduled_ns, 1000) AS latency_us
FROM k2.silver_trades AS silver FINAL
INNER JOIN k2_truth.frames AS frames
    ON frames.topic = silver.source_topic AND frames.partition = silver.source_partition AND frames.offset =
    silver.source_offset
"""

_CANDLE: Final = """
SELECT toUnixTimestamp64Micro(candle.updated_at) - last.due_us AS latency_us
FROM k2.ohlcv_1m_view AS candle
INNER JOIN (
    SELECT truth.exchange AS exchange, truth.canonical_symbol AS canonical_symbol,
        toStartOfMinute(truth.timestamp) AS window_start, max(intDiv(frames.scheduled_ns, 1000)) AS due_us
    FROM k2_truth.silver_trades AS truth
    INNER JOIN k2_truth.frames AS frames ON frames.seq = truth.seq
    WHERE truth.is_valid
    GROUP BY exchange, canonical_symbol, window_start
) AS last USING (exchange, canonical_symbol, window_start)
"""

STAGES: Final = {"silver": _SILVER, "ohlcv_1m": _CANDLE}


class Client(Protocol):
    """What is used of a clickhouse_connect client."""

    def query(self, query: str) -> Any: ...


def measure_latency(client: Client) -> dict[str, Percentiles]:
    """Percentiles in ms by stage."""
    return {stage: _percentiles(client, query) for stage, query in STAGES.items()}


def _percentiles(client: Client, query: str) -> Percentiles:
    levels = "quantilesExact(0.5, 0.99, 0.999)(latency_us)"
    row = client.query(f"SELECT count(), {levels}, max(latency_us) FROM ({query})").first_row
    n, (p50, p99, p999), highest = row
    return Percentiles(
        n=n,
        p50=_ms(p50) if n // 2 >= SAMPLES_ABOVE else None,
        p99=_ms(p99) if n // 100 >= SAMPLES_ABOVE else None,
        p999=_ms(p999) if n // 1000 >= SAMPLES_ABOVE else None,
        max=_ms(highest) if n else None,
    )


def _ms(microseconds: int) -> float:
    return round(int(microseconds) / 1000, 3)
