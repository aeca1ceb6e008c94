"""Nasty frames of Kraken's WebSocket v2."""

from harness.synthetic.nasty import Section, malformed, numbers, written
from harness.synthetic.nasty.kraken.objects import shapes, values
from harness.synthetic.nasty.kraken.objects.tape import START_NS, Tape

__all__ = ["START_NS", "sections"]


def sections() -> tuple[Section, ...]:
    """Write all sections in their order in the capture."""
    tape = Tape()
    return (
        *numbers.amount_sections(tape.pairs),
        *numbers.id_sections(("XRP/USD", "SOL/BTC", "ADA/EUR"), lambda symbol, text: tape.frame(symbol, trade_id=text)),
        *written(tape, values.SECTIONS),
        *written(tape, shapes.SECTIONS),
        *malformed.sections(tape.frame),
    )
