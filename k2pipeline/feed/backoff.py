"""How long to wait before connecting again: one connection after its end, and all of a handler together."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from k2pipeline.exchanges import Attempts


@dataclass
class Backoff:
    """Exponential, with full jitter: many handlers that were cut at once do not come back at once.

    base_s: longest first delay. cap_s: longest delay at all. stable_s: a connection that was subscribed for so
    long begins it anew, so one that is accepted and cut again and again is opened about once in `stable_s`.
    What an exchange allows an address is kept by Budget, over all connections of a handler.
    """

    base_s: float
    cap_s: float
    stable_s: float
    chance: random.Random = field(default_factory=random.Random)
    failures: int = 0

    def delay_s(self, *, lasted_s: float, is_clean: bool) -> float:
        """After a connection that was subscribed for `lasted_s`, 0 if it never was.

        A clean end is an invitation to come back, and nothing is missed that way, so it is followed at once;
        but not by a connection that was hardly there, or both sides would spin.
        """
        if lasted_s >= self.stable_s:
            self.failures = 0
            if is_clean:
                return 0.0
        # 2**32 times any base is above any cap, and larger powers of a float overflow.
        longest_s = min(self.cap_s, self.base_s * 2 ** min(self.failures, 32))
        self.failures += 1
        return self.chance.uniform(0, longest_s)


class Budget:
    """The connections that an exchange allows an address, shared by all that a handler opens.

    share: of what is allowed, for there may be other handlers at the same address. Times are a monotonic clock's.
    """

    def __init__(self, allowed: Attempts, share: float) -> None:
        self._connections = max(1, int(allowed.connections * share))
        self._within_s = allowed.within_s
        self._opened_s: deque[float] = deque(maxlen=self._connections)

    def take(self, now_s: float) -> float:
        """Count one more connection in; gives how long it has to wait for its turn."""
        is_spent = len(self._opened_s) == self._connections
        at_s = max(now_s, self._opened_s[0] + self._within_s) if is_spent else now_s
        self._opened_s.append(at_s)
        return at_s - now_s
