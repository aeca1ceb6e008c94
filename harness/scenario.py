"""A scenario: what a run plays, how fast, and what it breaks on the way; one TOML file, or flags, or both.

name = "demo"
captures = ["replays/binance-spot-1.jsonl.gz"]   # relative to what ships, or absolute
rate = "max"                                     # trades/s, Nx, or max
times = "original"                               # or now: receive times become the time of sending
via = "topic"                                    # or websocket: through a simulated exchange and the feed handlers
faults = ["duplicate=5%"]
seed = 1
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from k2pipeline.shipped import SHIPPED

SCENARIOS: Final = Path(__file__).resolve().parent / "scenarios"
TIMES: Final = ("original", "now")


class ScenarioError(Exception):
    """A scenario that cannot be run; the message shows the value and what would do instead."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """captures: files, each played in its own order, merged by receive time. synthetic: a duration such as
    `10m` of generated trades (instead of captures), symbols: of so many symbols on each exchange, id_jumps: of a
    million trades so many leave ids out before their own. rate: see harness.pace. via: see harness.ways. faults:
    `NAME=AMOUNT`, see harness.faults. partitions: of each topic. slos: also judge the latency by
    expectations/latency.json, which only makes sense at a rate that the stack holds.
    """

    name: str = "adhoc"
    captures: tuple[Path, ...] = ()
    synthetic: str = ""
    symbols: int | None = None
    id_jumps: int = 0
    rate: str = "max"
    times: str = "original"
    via: str = "topic"
    faults: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    seed: int = 1
    partitions: int = 4
    slos: bool = False

    def __post_init__(self) -> None:
        check_source("a run", self.captures, self.synthetic, self.symbols, self.id_jumps)
        if self.times not in TIMES:
            raise ScenarioError(f"times {self.times!r} is not one of {', '.join(TIMES)}")
        if not re.fullmatch(r"\w[\w.=-]*", self.name):
            raise ScenarioError(
                f"the name {self.name!r} cannot be part of a directory's; use letters, digits, _ . = and -"
            )
        if self.partitions < 1:
            raise ScenarioError(f"partitions {self.partitions} is less than 1")

    def flags(self) -> list[str]:
        """The command-line arguments that make this scenario again."""
        out = [word for path in self.captures for word in ("--capture", str(_from_here(path)))]
        if self.synthetic:
            out += ["--synthetic", self.synthetic]
        if self.symbols is not None:
            out += ["--symbols", str(self.symbols)]
        if self.id_jumps:
            out += ["--id-jumps", str(self.id_jumps)]
        out += ["--rate", self.rate, "--times", self.times, "--seed", str(self.seed)]
        if self.via != Scenario.__dataclass_fields__["via"].default:
            out += ["--via", self.via]
        for fault in self.faults:
            out += ["--fault", fault]
        if self.partitions != Scenario.__dataclass_fields__["partitions"].default:
            out += ["--partitions", str(self.partitions)]
        for suite in self.suites:
            out += ["--suite", suite]
        if self.slos:
            out += ["--slos"]
        return out


def check_source(
    player: str, captures: Sequence[Path], synthetic: str | None, symbols: int | None, id_jumps: int | None
) -> None:
    """Raise ScenarioError unless captures or synthetic trades are to be played, and symbols and jumps of the latter."""
    if bool(captures) == bool(synthetic):
        given = "both" if captures else "neither"
        raise ScenarioError(
            f"{player} plays captures or synthetic trades, and {given} was given; use --capture FILE or --synthetic 10m"
        )
    if captures and symbols is not None:
        raise ScenarioError(
            f"--symbols {symbols} is for synthetic trades, and captures have the symbols that were recorded; "
            "leave it out, or use --synthetic 10m in the place of captures"
        )
    if captures and id_jumps:
        raise ScenarioError(
            f"--id-jumps {id_jumps} is for synthetic trades, and captures have the ids that were recorded; "
            "leave it out, or use --synthetic 10m in the place of captures"
        )


def _from_here(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def load_scenario(name_or_file: str, overrides: Mapping[str, Any]) -> Scenario:
    """Read a scenario by its name (a file in harness/scenarios) or path; `overrides` replace what the file
    says.

    Raises ScenarioError when there is no such file, or it holds something else than a scenario.
    """
    path = SCENARIOS / f"{name_or_file}.toml"
    if not path.is_file():
        path = Path(name_or_file)
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in SCENARIOS.glob("*.toml")))
        raise ScenarioError(f"no scenario {name_or_file!r}; known are {known}, or give the path of a TOML file")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: not TOML: {error}") from error
    _check(path, content)
    if "synthetic" in overrides:
        content.pop("captures", None)
    if "captures" in overrides:
        content.pop("synthetic", None)
        content.pop("symbols", None)
        content.pop("id_jumps", None)
    for name in ("faults", "suites"):
        content[name] = tuple(content.get(name, ()))
    content["captures"] = tuple(SHIPPED / capture for capture in content.get("captures", ()))
    return Scenario(**{"name": path.stem, **content, **overrides})


def _check(path: Path, content: Mapping[str, Any]) -> None:
    kinds = {"captures": list, "faults": list, "suites": list, "slos": bool}
    kinds |= {"symbols": int, "id_jumps": int, "seed": int, "partitions": int}
    known = {field.name for field in fields(Scenario)}
    for key, value in content.items():
        if key not in known:
            raise ScenarioError(f"{path}: {key!r} is not a field of a scenario; known are {', '.join(sorted(known))}")
        if not isinstance(value, kinds.get(key, str)):
            raise ScenarioError(f"{path}: {key} = {value!r} should be a {kinds.get(key, str).__name__}")
