"""What Locust loads: the users of the job in the environment, a shape that ends with the profile, a line a second.

Locust is started by load/way.py. Its monkey patching is off (LOCUST_SKIP_MONKEY_PATCH): nothing here blocks the hub,
and the senders' threads have to be real ones.
"""

from __future__ import annotations

import signal
import time
from typing import Any, Final

import flask
import gevent
from locust import LoadTestShape, User, events
from locust.runners import WorkerRunner
from locust.stats import CSV_STATS_INTERVAL_SEC

from load.follow import told_line
from load.job import read_job
from load.readers import write_requests
from load.start import start_of
from load.users import SENDERS, users_of

_JOB = read_job()
_USERS = users_of(_JOB)
globals().update({user.__name__: user for user in _USERS})  # where Locust looks for them

_HEARD: Final[dict[str, Any]] = {}
"""By sender: what workers told the master of their senders."""


class ProfileShape(LoadTestShape):
    """Every user from the start, until the profile is over. The rate goes up and down inside the feeds."""

    use_common_options = False

    def tick(self) -> tuple[int, float, list[type[User]]] | None:
        """(users, users started per second, their classes), or None when it is over."""
        start_ns = start_of(_JOB.directory)
        if start_ns is not None and time.time_ns() > start_ns + (_JOB.profile.seconds + 1) * 1e9:
            return None
        count = sum(user.fixed_count for user in _USERS)
        return count, float(count), _USERS


@events.init.add_listener
def _begin(environment: Any, runner: Any, web_ui: Any, **_: Any) -> None:
    if isinstance(runner, WorkerRunner):
        return
    # A Ctrl-C would break whichever greenlet happens to run, and Locust end with an error and without its report.
    waits_for_the_end = gevent.getcurrent()
    gevent.signal_handler(signal.SIGINT, lambda: gevent.kill(waits_for_the_end, KeyboardInterrupt))
    gevent.spawn(_tell)
    events.quit.add_listener(lambda **_: _end(environment))
    if web_ui is not None:
        _refuse_second_tests(web_ui.app)


@events.report_to_master.add_listener
def _report(data: dict[str, Any], **_: Any) -> None:
    data["k2"] = _progress()


@events.worker_report.add_listener
def _hear(data: dict[str, Any], **_: Any) -> None:
    _HEARD.update(data.get("k2", {}))


def _refuse_second_tests(app: flask.Flask) -> None:
    """A run is one test: what a second one sends, no ledger and no check would know of."""

    @app.before_request
    def refuse() -> flask.Response | None:
        if not flask.request.path.endswith("/swarm"):
            return None
        message = "This run is one test, which goes on or is over; start the next one by `make load-ui`."
        return flask.jsonify({"success": False, "message": message, "host": ""})


def _end(environment: Any) -> None:
    # Locust writes its CSV by the clock and once more for nobody: what the users told last would be missing.
    gevent.sleep(1.5 * CSV_STATS_INTERVAL_SEC)
    write_requests(environment.stats, _JOB.requests())


def _tell() -> None:
    """Say how far the senders are, once a second, for load/way.py."""
    while True:
        print(told_line({**_HEARD, **_progress()}), flush=True)
        gevent.sleep(1)


def _progress() -> dict[str, Any]:
    return {sender.name: sender.progress() for sender in SENDERS}
