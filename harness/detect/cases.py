"""Which cases are run: every fault at every intensity, and the tape as it is under several seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.captures import CapturedFrame
from harness.faults import FAULTS, FaultError, FaultSpec, parse_fault
from harness.synthetic import parse_duration, synthetic

INTENSITIES: Final = ("1", "1%", "10%")
CLEAN_RUNS: Final = 3
TAPE: Final = "4m"
_RATES: Final = (20, 10, 5)


@dataclass(frozen=True, slots=True)
class Case:
    """One play of a tape: with a fault, or clean where there is none."""

    fault: FaultSpec | None
    seed: int

    @property
    def name(self) -> str:
        """Such as late=1%, or clean."""
        return str(self.fault) if self.fault else "clean"

    def frames(self) -> Iterator[CapturedFrame]:
        """The tape: a few symbols of every exchange that can be generated, trading for TAPE."""
        return synthetic(parse_duration(TAPE), self.seed, rates=tape_rates())


def tape_rates() -> dict[str, int]:
    """Trades per second of each exchange: enough for what is usual to be known, few enough for a play in a second."""
    from harness.synthetic.exchanges import EXCHANGES  # it builds the synthetic market, which --help need not wait for

    return {name: _RATES[min(place, len(_RATES) - 1)] for place, name in enumerate(EXCHANGES)}


def plan_cases(
    faults: Sequence[str] = (), intensities: Sequence[str] = INTENSITIES, *, seed: int = 1, clean_runs: int = CLEAN_RUNS
) -> list[Case]:
    """Clean runs first, each under a seed of its own, then the faults in the order of their names.

    Each intensity has the seed of one of the clean runs, on which the tape and the fault's choices depend, and is
    compared with that one. Raises FaultError.
    """
    if clean_runs < 1:
        raise FaultError(f"{clean_runs} clean runs: at least one is needed, to compare with")
    for name in faults:
        if name not in FAULTS:
            raise FaultError(f"fault {name!r} cannot be detected here; there are {', '.join(FAULTS)}")
    clean = [Case(None, seed + number) for number in range(clean_runs)]
    names, places = sorted(faults or FAULTS), range(len(intensities))
    specs = [(parse_fault(f"{name}={intensities[place]}"), place) for name in names for place in places]
    return [*clean, *(Case(spec, seed + place % clean_runs) for spec, place in specs)]
