"""Profiles: what a load test does, as data in load/profiles/*.toml.

rate = 1000                 # trades per second of a share of 1
duration = "60s"
shape = [[0, 1], [1, 1]]    # points of [part of the duration, part of the rate]; two at one place are a jump
readers = 0                 # users who ask the warehouse what dashboards ask
reader_p99_ms = 1000        # of a hundred of their queries at most one may take longer
partitions = 4              # of each topic
linger_ms = 20              # a sender waits so long for a batch to fill

[shares]                    # what each exchange gets of the rate
binance = 1.0
kraken = 0.1
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from harness.outbox import LINGER_MS
from harness.synthetic import parse_duration
from k2pipeline.exchanges import EXCHANGES
from load.pace import Shaped

PROFILES: Final = Path(__file__).resolve().parent / "profiles"
STEADY: Final = ((0.0, 1.0), (1.0, 1.0))


class ProfileError(Exception):
    """A profile that cannot be played; the message shows the value and what would do instead."""


@dataclass(frozen=True, slots=True)
class Profile:
    """rate: trades/s of a share of 1. shape: points of (part of the duration, part of the rate), in order of time."""

    name: str
    rate: float
    seconds: float
    shares: Mapping[str, float]
    shape: tuple[tuple[float, float], ...] = STEADY
    readers: int = 0
    reader_p99_ms: float = 1000.0
    partitions: int = 4
    linger_ms: int = LINGER_MS

    def __post_init__(self) -> None:
        if not 0 < self.rate < math.inf:
            raise ProfileError(f"rate {self.rate:g} is not above 0 trades/s; give for example --rate 1000")
        if self.seconds <= 0:
            raise ProfileError(f"duration {self.seconds:g} s is not above 0; give for example --duration 60s")
        if self.readers < 0:
            raise ProfileError(f"readers {self.readers} is less than 0")
        if self.partitions < 1:
            raise ProfileError(f"partitions {self.partitions} is less than 1")
        if self.linger_ms < 0:
            raise ProfileError(f"linger_ms {self.linger_ms} is less than 0")
        if not self.reader_p99_ms > 0:
            raise ProfileError(f"reader_p99_ms {self.reader_p99_ms:g} is not above 0; give for example 1000")
        _check_shares(self.shares)
        _check_shape(self.shape)

    def pace(self, exchange: str) -> Shaped:
        """The schedule of one exchange."""
        rate = self.rate * self.shares[exchange]
        return Shaped(tuple((at * self.seconds, part * rate) for at, part in self.shape))

    @property
    def trades_per_second(self) -> float:
        """Of all exchanges together, on average over the duration."""
        return sum(self.pace(exchange).trades for exchange in self.shares) / self.seconds

    def as_json(self) -> dict[str, Any]:
        """The fields, for a process that plays it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Profile:
        """The profile that `as_json` gave."""
        shape = tuple((float(at), float(part)) for at, part in content["shape"])
        return cls(**{**content, "shape": shape})


def load_profile(name_or_file: str, *, rate: float | None = None, duration: str | None = None) -> Profile:
    """Read a profile by its name in load/profiles or its path; rate and duration replace what the file says.

    Raises ProfileError when there is no such file, or it holds something else than a profile.
    """
    path = PROFILES / f"{name_or_file}.toml"
    if not path.is_file():
        path = Path(name_or_file)
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in PROFILES.glob("*.toml")))
        raise ProfileError(f"no profile {name_or_file!r}; there are {known}, or give the path of a TOML file")
    try:
        profile = _read(path)
        seconds = profile.seconds if duration is None else parse_duration(duration) / 1e9
    except (tomllib.TOMLDecodeError, TypeError, ValueError, KeyError) as error:
        raise ProfileError(f"{path}: not a profile: {error}") from error
    return replace(profile, rate=profile.rate if rate is None else rate, seconds=seconds)


def _read(path: Path) -> Profile:
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    known = {"rate", "duration", "shape", "readers", "reader_p99_ms", "partitions", "linger_ms", "shares"}
    if unknown := sorted(content.keys() - known):
        raise ProfileError(f"{path}: {unknown[0]!r} is not a field of a profile; there are {', '.join(sorted(known))}")
    return Profile(
        name=path.stem,
        rate=float(content["rate"]),
        seconds=parse_duration(content["duration"]) / 1e9,
        shares={name: float(share) for name, share in content["shares"].items()},
        shape=tuple((float(at), float(part)) for at, part in content.get("shape", STEADY)),
        readers=int(content.get("readers", 0)),
        reader_p99_ms=float(content.get("reader_p99_ms", 1000)),
        partitions=int(content.get("partitions", 4)),
        linger_ms=int(content.get("linger_ms", LINGER_MS)),
    )


def _check_shares(shares: Mapping[str, float]) -> None:
    if not shares:
        raise ProfileError(f"shares names no exchange; give for example [shares] {next(iter(EXCHANGES))} = 1.0")
    for name, share in shares.items():
        if name not in EXCHANGES:
            raise ProfileError(f"shares: no exchange {name!r}; there are {', '.join(EXCHANGES)}")
        if share <= 0:
            raise ProfileError(f"shares: {name} = {share:g} is not above 0; leave the exchange out instead")


def _check_shape(shape: tuple[tuple[float, float], ...]) -> None:
    times = [at for at, _ in shape]
    if len(shape) < 2 or times[0] != 0 or times[-1] != 1 or times != sorted(times):
        raise ProfileError(f"shape {[list(point) for point in shape]} does not go from 0 to 1 of the duration in order")
    if any(part < 0 for _, part in shape) or not any(part > 0 for _, part in shape):
        raise ProfileError("shape: a part of the rate is below 0, or none is above it")
