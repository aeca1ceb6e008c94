"""Nasty frames of Binance spot."""

from harness.synthetic.nasty import Section, malformed, numbers, written
from harness.synthetic.nasty.binance import shapes, values
from harness.synthetic.nasty.binance.tape import START_NS, Tape

__all__ = ["START_NS", "sections"]


def sections() -> tuple[Section, ...]:
    """Write all sections in their order in the capture."""
    tape = Tape()
    return (
        *numbers.amount_sections(tape.pairs),
        *numbers.id_sections(("XRPUSDT", "XRPETH", "ADAUSDT"), lambda symbol, text: tape.combined(symbol, t=text)),
        *written(tape, values.SECTIONS),
        *written(tape, shapes.SECTIONS),
        *malformed.sections(tape.combined),
    )
