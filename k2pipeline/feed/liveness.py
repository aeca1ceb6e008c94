"""Whether a connection still lives, by the clock alone."""

from __future__ import annotations

import enum


class Verdict(enum.Enum):
    WAIT = "wait"
    PING = "ping"
    DEAD = "dead"


class Liveness:
    """A connection without a byte for `idle_s` is to be pinged, and dead if nothing comes for `pong_s` after that.

    Any byte counts, a pong's among them. While we do not read there is nothing to be heard: that time does not
    count. All times are a monotonic clock's seconds.
    """

    def __init__(self, idle_s: float, pong_s: float, now_s: float) -> None:
        self._idle_s = idle_s
        self._pong_s = pong_s
        self._heard_s = now_s
        self._pinged_s: float | None = None
        self._is_paused = False

    def heard(self, now_s: float) -> None:
        self._heard_s = now_s
        self._pinged_s = None

    def pause(self) -> None:
        self._is_paused = True

    def resume(self, now_s: float) -> None:
        self._is_paused = False
        self.heard(now_s)

    def judge(self, now_s: float) -> Verdict:
        """PING is said once a silence: whoever is told so sends one."""
        if self._is_paused:
            return Verdict.WAIT
        if self._pinged_s is not None:
            return Verdict.DEAD if now_s - self._pinged_s >= self._pong_s else Verdict.WAIT
        if now_s - self._heard_s < self._idle_s:
            return Verdict.WAIT
        self._pinged_s = now_s
        return Verdict.PING
