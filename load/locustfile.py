"""What Locust loads: the users of the job in the environment, a shape that ends with the profile, a line a second.

Locust is started by load/way.py. Its monkey patching is off (LOCUST_SKIP_MONKEY_PATCH): nothing here blocks the hub,
and the senders' threads have to be real ones.
"""

from __future__ import annotations

import json
import time
from typing import Any

import gevent
from locust import LoadTestShape, User, events
from locust.stats import CSV_STATS_INTERVAL_SEC

from load.job import read_job
from load.users import users_of

_JOB = read_job()
_USERS = users_of(_JOB)
globals().update({user.__name__: user for user in _USERS})  # where Locust looks for them


class ProfileShape(LoadTestShape):
    """Every user from the start, until the profile is over. The rate goes up and down inside the feeds."""

    use_common_options = False

    def tick(self) -> tuple[int, float, list[type[User]]] | None:
        """(users, users started per second, their classes), or None when it is over."""
        if self.get_run_time() > _JOB.profile.seconds + 1:
            return None
        count = sum(user.fixed_count for user in _USERS)
        return count, float(count), _USERS


@events.init.add_listener
def _begin(environment: Any, **_: Any) -> None:
    environment.k2_senders = []
    gevent.spawn(_tell, environment)


@events.quit.add_listener
def _end(**_: Any) -> None:
    # Locust writes its CSV by the clock and once more for nobody: what the users told last would be missing.
    gevent.sleep(1.5 * CSV_STATS_INTERVAL_SEC)


def _tell(environment: Any) -> None:
    """Print how far the senders are, once a second, as a JSON line for load/way.py."""
    while True:
        gevent.sleep(1)
        senders = environment.k2_senders
        if senders:
            told = {
                "at": time.time(),
                "frames": sum(sender.frames for sender in senders),
                "trades": sum(sender.trades for sender in senders),
                "errors": [f"{sender.name}: {sender.error}" for sender in senders if sender.error is not None],
            }
            print(json.dumps(told), flush=True)
