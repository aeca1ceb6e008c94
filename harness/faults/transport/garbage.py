"""Something that is not JSON comes in the place of a frame.

It stands for a proxy's error page, a message cut short, a debug print in production. The pipeline must keep it as
a dead letter, and lose nothing beside it.
"""

from __future__ import annotations

from typing import Final

from harness.faults.transport import Line, TransportFault

NOISE_BYTES: Final = 64


class Garbage(TransportFault):
    """Sends an error page, half of a message, or noise."""

    name = "garbage"

    def inject(self, line: Line) -> float | None:
        noise = "".join(chr(self.rng.randrange(0x20, 0x2FF)) for _ in range(self.rng.randint(1, NOISE_BYTES)))
        mark = self.rng.getrandbits(32)
        pieces = (
            f"<html><head><title>502 Bad Gateway</title></head><body>{mark}</body></html>",
            f'{{"channel":"trade","type":"update","data":[{{"symbol":"{mark}',
            f"~{noise}",
        )
        line.garble(self.rng.choice(pieces).encode(), self.name)
        return None


FAULT = Garbage
