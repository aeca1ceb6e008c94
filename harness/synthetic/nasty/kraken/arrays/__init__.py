"""Nasty frames of Kraken's WebSocket v1."""

from harness.synthetic.nasty import Section, malformed, numbers, written
from harness.synthetic.nasty.kraken.arrays import shapes, values
from harness.synthetic.nasty.kraken.arrays.tape import START_NS, Tape

__all__ = ["START_NS", "sections"]


def sections() -> tuple[Section, ...]:
    """Write all sections in their order in the capture."""
    tape = Tape()
    return (
        *numbers.amount_sections(tape.pairs),
        *written(tape, values.SECTIONS),
        *written(tape, shapes.SECTIONS),
        *malformed.sections(tape.frame),
    )
