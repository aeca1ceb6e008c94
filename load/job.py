"""What a Locust process is told: one JSON file, named in the environment, and nothing secret in it; and where in the
job's directory each sender's files are.

The warehouse's URL, which holds a password, comes by the environment (K2_CLICKHOUSE_URL).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from load.profile import Profile

JOB_VARIABLE: Final = "K2_LOAD_JOB"
URL_VARIABLE: Final = "K2_CLICKHOUSE_URL"


@dataclass(frozen=True, slots=True)
class Job:
    """directory: where frames, ledgers and figures are. start_ns: the time of the first synthetic trade. workers: how
    many processes share the feeds, 0 for one process without a master.
    """

    profile: Profile
    bootstrap: str
    directory: Path
    seed: int
    start_ns: int
    workers: int = 0

    @property
    def parts(self) -> int:
        """How many users share the trades of an exchange."""
        return max(self.workers, 1)

    @property
    def senders(self) -> list[str]:
        """The names of all senders."""
        return [sender_name(exchange, part) for exchange in self.profile.shares for part in range(self.parts)]

    def frames(self, sender: str) -> Path:
        """What a sender is to send, see load/prepare.py."""
        return self.directory / f"{sender}.arrow"

    def ledger(self, sender: str) -> Path:
        """What it sent."""
        return self.directory / f"{sender}.parquet"

    def figures(self, sender: str) -> Path:
        """How it fared; there once it has come to its end."""
        return self.directory / f"{sender}.json"

    def requests(self) -> Path:
        """Locust's statistics, see load/readers.py; there once the test is over."""
        return self.directory / "requests.json"

    def write(self, path: Path) -> None:
        """Write the job for the processes that carry it out."""
        content = {
            "profile": self.profile.as_json(),
            "bootstrap": self.bootstrap,
            "directory": str(self.directory),
            "seed": self.seed,
            "start_ns": self.start_ns,
            "workers": self.workers,
        }
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def sender_name(exchange: str, part: int) -> str:
    """A sender has one part of an exchange's trades."""
    return f"{exchange}-{part}"


def read_job() -> Job:
    """The job named in the environment. Raises RuntimeError when none is."""
    path = os.environ.get(JOB_VARIABLE)
    if not path:
        raise RuntimeError(f"{JOB_VARIABLE} names no job; start a load test by `make loadtest` or `make load-ui`")
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    return Job(
        profile=Profile.from_json(content["profile"]),
        bootstrap=content["bootstrap"],
        directory=Path(content["directory"]),
        seed=content["seed"],
        start_ns=content["start_ns"],
        workers=content["workers"],
    )
