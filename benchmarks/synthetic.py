"""How fast one core generates synthetic trades, against handing out the same frames ready-made.

    python benchmarks/synthetic.py [frames]

The bound takes finished receive times and texts of the same sizes and only wraps them as captured frames, which any
source of frames has to do. Rates are per CPU second of this process, middle of three; the memory is the most that a
process of its own needed, that generates and drops the frames.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from statistics import median

from harness.captures import CapturedFrame
from harness.synthetic import synthetic
from harness.synthetic.exchanges import EXCHANGES
from harness.synthetic.stream import captured

ROUNDS = 3
LONG_NS = 10**15
ASKED: dict[str, dict[str, object]] = {
    **{name: {"rates": {name: exchange.TRADES_PER_SECOND}} for name, exchange in EXCHANGES.items()},
    "both": {},
    "both, 500 symbols each": {"symbols": 500},
}


def generated(asked: str, count: int) -> Iterator[CapturedFrame]:
    """So many frames, greetings included."""
    return islice(synthetic(LONG_NS, 1, **ASKED[asked]), count)  # type: ignore[arg-type]


def per_second(frames: Iterable[CapturedFrame]) -> float:
    """Frames for each CPU second, each looked at and dropped."""
    started, count = time.process_time(), 0
    for _ in frames:
        count += 1
    return count / (time.process_time() - started)


def peak_mb(asked: str, count: int) -> int:
    """Resident memory of a process that generates so many frames."""
    command = [sys.executable, __file__, str(count), asked]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main(count: int) -> None:
    """Print a line of Markdown for each choice of exchanges."""
    print("| | frames/s | bound | of the bound | bytes a frame | peak MB | peak MB, half as many frames |")
    print("|---|---|---|---|---|---|---|")
    # Before anything grows here, because a child is charged with what its parent held when it was started.
    memory = {asked: f"{peak_mb(asked, count)} | {peak_mb(asked, count // 2)}" for asked in ASKED}
    for asked in ASKED:
        received = [(frame.recv_ns, frame.frame) for frame in generated(asked, count)]
        size = sum(len(frame) for _, frame in received) / len(received)
        bound = median(per_second(captured("ready-made", received, 1)) for _ in range(ROUNDS))
        del received
        rate = median(per_second(generated(asked, count)) for _ in range(ROUNDS))
        print(f"| {asked} | {rate:,.0f} | {bound:,.0f} | {rate / bound:.0%} | {size:,.0f} | {memory[asked]} |")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        per_second(generated(sys.argv[2], int(sys.argv[1])))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 400_000)
