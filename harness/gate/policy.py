"""Which verdicts pass: a TOML file, policy.toml beside this module unless another is given.

pass = ["identical", "additive"]        # verdicts that pass by themselves
volatile = ["ingested_at"]              # columns that are never compared: the warehouse's own clock
promised = ["silver_trades"]            # names that users rely on, as shell patterns
applied_files = "may change"            # or "frozen": a file that is applied somewhere is never edited

[[allow]]                               # what this change may do although its verdict does not pass
object = "ohlcv_*"
verdict = "changed"
because = "volume gets two more places; agreed in #12"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from harness.gate.verdict import Evidence, Verdict
from k2pipeline.schema import SchemaError

DEFAULT_POLICY: Final = Path(__file__).resolve().parent / "policy.toml"
_FIELDS: Final[Mapping[str, type]] = {
    "pass": list,
    "volatile": list,
    "promised": list,
    "applied_files": str,
    "allow": list,
}
_APPLIED_FILES: Final = ("may change", "frozen")


class PolicyError(SchemaError):
    """The policy cannot be understood; the message says what stands where something else should."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a policy lets pass for some objects, and why."""

    object: str
    verdict: Verdict
    because: str


@dataclass(frozen=True, slots=True)
class Policy:
    """See the head of this module."""

    passing: frozenset[Verdict]
    volatile: frozenset[str]
    promised: tuple[str, ...]
    applied_files_may_change: bool
    exceptions: tuple[Allowance, ...] = ()

    def is_promised(self, name: str) -> bool:
        """Whether users rely on an object of this name."""
        return any(fnmatchcase(name, pattern) for pattern in self.promised)

    def allows(self, evidence: Evidence) -> bool:
        """Whether this finding passes, by its verdict or by an exception."""
        return evidence.verdict in self.passing or any(
            evidence.verdict <= known.verdict and fnmatchcase(evidence.object, known.object)
            for known in self.exceptions
        )


def load_policy(path: Path = DEFAULT_POLICY) -> Policy:
    """Read a policy. What it does not say is as in the policy that ships. Raises PolicyError."""
    shipped = _read(DEFAULT_POLICY)
    content = {**shipped, **_read(path)}
    try:
        return Policy(
            passing=frozenset(_verdict(path, name) for name in content["pass"]),
            volatile=frozenset(content["volatile"]),
            promised=tuple(content["promised"]),
            applied_files_may_change=content["applied_files"] == _APPLIED_FILES[0],
            exceptions=tuple(_exception(path, entry) for entry in content.get("allow", [])),
        )
    except TypeError as error:
        raise PolicyError(f"{path}: {error}; see harness/gate/policy.py for what a policy holds") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: no policy: {error}") from error
    for name, value in content.items():
        if name not in _FIELDS or not isinstance(value, _FIELDS[name]):
            known = ", ".join(f"{field} ({kind.__name__})" for field, kind in _FIELDS.items())
            raise PolicyError(f"{path}: {name} = {value!r} is no part of a policy; known are {known}")
    if content.get("applied_files", _APPLIED_FILES[0]) not in _APPLIED_FILES:
        raise PolicyError(f"{path}: applied_files = {content['applied_files']!r} is neither of {_APPLIED_FILES}")
    return content


def _verdict(path: Path, name: object) -> Verdict:
    try:
        return Verdict[str(name).upper()]
    except KeyError:
        known = ", ".join(map(str, Verdict))
        raise PolicyError(f"{path}: {name!r} is no verdict; there are {known}") from None


def _exception(path: Path, entry: object) -> Allowance:
    if not isinstance(entry, dict) or set(entry) != {"object", "verdict", "because"} or not entry["because"]:
        raise PolicyError(f"{path}: [[allow]] {entry!r} should say object, verdict and because")
    return Allowance(str(entry["object"]), _verdict(path, entry["verdict"]), str(entry["because"]))
