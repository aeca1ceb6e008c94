"""How long to wait before connecting again."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass
class Backoff:
    """Exponential, with full jitter: many handlers that were cut at once do not come back at once.

    base_s: longest first delay. cap_s: longest delay at all. stable_s: a connection that was subscribed for so
    long begins it anew. The exchanges' own limits hold with the defaults: a connection that is accepted and
    cut again and again is opened at most once in `stable_s`, and Binance allows one a second over 5 minutes.
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
