"""Random words that are the same on every machine: SHAKE-128 (FIPS 202) in counter mode, integers only.

numpy promises the stream of a Generator for one build of numpy only; the output of a hash function is what its
standard says. Each part of the generator reads a stream of its own, named after it, so that a change to one
part (sizes, say) leaves the others' draws where they were.
"""

from hashlib import shake_128
from typing import Final

import numpy as np
from numpy.typing import NDArray

BLOCK_WORDS: Final = 4096
_BLOCK_BYTES: Final = 8 * BLOCK_WORDS
_WORD_BITS: Final = 64

Integers = NDArray[np.int64]
"""One-dimensional column of integers. All of a block's arithmetic is done in these: it is exact everywhere."""


class Draws:
    """One stream of random words, read from its start. Mutable: each read moves on."""

    def __init__(self, seed: int | str, name: str) -> None:
        self._name = f"{seed}/{name}"
        self._blocks = 0
        self._rest: NDArray[np.uint64] = np.empty(0, "<u8")

    def part(self, name: str) -> "Draws":
        """Open a stream of its own for a part of what this one is for."""
        return Draws(self._name, name)

    def words(self, count: int) -> NDArray[np.uint64]:
        """Read 64-bit words, little-endian: the stream does not depend on how many are read at a time."""
        missing = count - len(self._rest)
        if missing > 0:
            first = self._blocks
            self._blocks += -(-missing // BLOCK_WORDS)
            blocks = [
                shake_128(f"{self._name}/{block}".encode()).digest(_BLOCK_BYTES) for block in range(first, self._blocks)
            ]
            self._rest = np.concatenate([self._rest, np.frombuffer(b"".join(blocks), "<u8")])
        words, self._rest = self._rest[:count], self._rest[count:]
        return words

    def bits(self, count: int, width: int) -> Integers:
        """Read integers uniform in [0, 2**width), for a width of 8, 16 or 32; whole words are used up."""
        per_word = _WORD_BITS // width
        parts = self.words(-(-count // per_word)).view(f"<u{width // 8}")
        return parts[:count].astype(np.int64)

    def word(self) -> int:
        """Read one word."""
        return int(self.words(1)[0])
