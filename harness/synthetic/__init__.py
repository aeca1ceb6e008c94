"""Seeded synthetic trades in the exchanges' real frame formats: same seed, same bytes, on any machine."""

from harness.synthetic.duration import parse_duration
from harness.synthetic.stream import DEFAULT_START_NS, check_id_jumps, check_symbols, instruments, synthetic

__all__ = ["DEFAULT_START_NS", "check_id_jumps", "check_symbols", "instruments", "parse_duration", "synthetic"]
