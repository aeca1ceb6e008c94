"""The curves of a run, as values and as series.json: columns of integers, in us, ms and messages.

Times are counted from `zero_ns`, when the first frame was due. A bucket is [start, start + bucket_us).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from harness.checks.growth import Sent
from harness.results import Percentiles
from harness.series.latency import Latency
from harness.series.watch import Watch

SCHEMA_VERSION: Final = 1
FILE: Final = "series.json"


@dataclass(frozen=True, slots=True)
class Slice:
    """Latency of the arrivals that were due in one bucket; p99_us is None where there are too few of them."""

    bucket: int
    n: int
    p50_us: int | None
    p99_us: int | None
    max_us: int


@dataclass(frozen=True, slots=True)
class Layer:
    """Rows of one layer, by bucket; of the stages `send` and `broker` it is frames.

    arrived: rows that the warehouse wrote in it. waiting: rows due by its end and not yet written. age_us: how long the
    oldest of those has been due, which is how far behind the layer is; 0 where none waits.
    """

    arrived: tuple[int, ...]
    waiting: tuple[int, ...]
    age_us: tuple[int, ...]
    latency: Latency
    over_time: tuple[Slice, ...]


@dataclass(frozen=True, slots=True)
class Resent:
    """Trades of one market that came again; faults: what made them, empty where the recording has them itself."""

    exchange: str
    symbol: str
    faults: str
    trades: int


@dataclass(frozen=True, slots=True)
class Series:
    """All curves of a run. sent_frames, sent_trades and sent_bytes are by bucket of the real send.

    unread: layers that the schema under test does not have as they should be, with what the warehouse said.
    """

    zero_ns: int
    bucket_us: int
    sent_frames: tuple[int, ...]
    sent_trades: tuple[int, ...]
    sent_bytes: tuple[int, ...]
    layers: Mapping[str, Layer]
    resent: tuple[Resent, ...]
    watch: Watch
    unread: Mapping[str, str] = field(default_factory=dict)

    def sending(self) -> Sent:
        """From the first frame's bucket to the last one's."""
        ends = [bucket + 1 for bucket, frames in enumerate(self.sent_frames) if frames]
        last_ns = self.zero_ns + max(ends, default=0) * self.bucket_us * 1_000
        return Sent(self.zero_ns, last_ns, sum(self.sent_frames), sum(self.sent_bytes))

    def percentiles(self) -> dict[str, Percentiles]:
        """Latency by layer, as results.json has it."""
        return {name: layer.latency.percentiles() for name, layer in self.layers.items()}

    def as_json(self) -> dict[str, Any]:
        """The content of series.json."""
        zero = datetime.fromtimestamp(self.zero_ns / 1e9, UTC)
        return {
            "schema_version": SCHEMA_VERSION,
            "zero_at": zero.isoformat(timespec="milliseconds"),
            "bucket_us": self.bucket_us,
            "sent": {"frames": self.sent_frames, "trades": self.sent_trades, "bytes": self.sent_bytes},
            "layers": {name: _layer_json(layer) for name, layer in self.layers.items()},
            "resent": [[each.exchange, each.symbol, each.faults, each.trades] for each in self.resent],
            "sampled": _sampled_json(self.watch, self.zero_ns),
            "unread": dict(self.unread),
        }


def write_series(series: Series, directory: Path) -> None:
    """Write series.json into a run's directory."""
    text = json.dumps(series.as_json(), separators=(",", ":"), ensure_ascii=False)
    (directory / FILE).write_text(text + "\n", encoding="utf-8")


def _layer_json(layer: Layer) -> dict[str, Any]:
    latency = layer.latency
    return {
        "arrived": layer.arrived,
        "waiting": layer.waiting,
        "age_us": layer.age_us,
        "latency_us": {"n": latency.n, "max": latency.max_us, "curve": latency.curve, "hdr": latency.hdr},
        "latency_over_time_us": {
            "bucket": [each.bucket for each in layer.over_time],
            "n": [each.n for each in layer.over_time],
            "p50": [each.p50_us for each in layer.over_time],
            "p99": [each.p99_us for each in layer.over_time],
            "max": [each.max_us for each in layer.over_time],
        },
    }


def _sampled_json(watch: Watch, zero_ns: int) -> dict[str, Any]:
    samples = watch.samples
    return {
        "t_ms": [(sample.at_ns - zero_ns) // 1_000_000 for sample in samples],
        "lag_messages": _columns([sample.lag_messages for sample in samples]),
        "parts": _columns([sample.parts for sample in samples]),
        "memory_bytes": _columns([sample.memory_bytes for sample in samples]),
        "cpu_ms": _columns([sample.cpu_ms for sample in samples]),
        "missed": watch.missed,
        "missed_because": watch.missed_because,
    }


def _columns(rows: Sequence[Mapping[str, int]]) -> dict[str, list[int]]:
    names = sorted({name for row in rows for name in row})
    return {name: [row.get(name, 0) for row in rows] for name in names}
