"""Random words that are the same on every machine: SHAKE-128 (FIPS 202) in counter mode, integers only.

Each part of the generator reads a stream of its own, named after it, so that a change to one part (sizes,
say) leaves the others' draws where they were.
"""

import struct
from collections.abc import Callable, Iterator
from hashlib import shake_128
from itertools import count

BLOCK_WORDS = 4096
_BLOCK = struct.Struct(f"<{BLOCK_WORDS}Q")

Draw = Callable[[], int]
"""Gives the next word of a stream: an integer, uniform in [0, 2**64)."""


def words(seed: int, name: str) -> Iterator[int]:
    """Yield 64-bit words without end, as a pure function of seed and name."""
    for block in count():
        yield from _BLOCK.unpack(shake_128(f"{seed}/{name}/{block}".encode()).digest(_BLOCK.size))


def stream(seed: int, name: str) -> Draw:
    """Open the stream of that name; streams of different names are independent."""
    return words(seed, name).__next__
