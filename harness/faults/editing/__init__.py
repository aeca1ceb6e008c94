"""Faults that change the text of a frame, byte for byte what it was save for one thing.

    class ZeroSize(ValueFault):
        name = "zero_size"
        roles = (Role.QUANTITY,)

        def changed_text(self, text: str) -> str | None:
            return numbers.zero(text)

Where a frame keeps what is told by the exchange's own module (harness.synthetic.fields).
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Final

import msgspec

from harness.faults import FrameFault, Outgoing
from harness.faults.editing.spans import Span, spans
from harness.synthetic.fields import Form, Role

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade of a frame: the object or array that it is, and its values by what they mean."""

    span: Span
    values: dict[Role, Span]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The text of a frame, the whole of it as a value, and its trades."""

    text: str
    frame: Span
    trades: Sequence[Trade]

    def of(self, span: Span) -> str:
        """The text of a value."""
        return self.text[span.start : span.end]

    def replaced(self, span: Span, text: str) -> str:
        """The frame with another text in the place of a value."""
        return self.text[: span.start] + text + self.text[span.end :]

    def with_member(self, owner: Span, place: int, key: str, value: str) -> str:
        """The frame with one more member in an object, before the one at `place`, or at an array's end."""
        is_array = owner.opening == "["
        member = value if is_array else f"{json.dumps(key)}:{value}"
        if is_array or place >= len(owner.members):
            at = owner.end - 1
            added = f",{member}" if owner.members else member
        else:
            at = owner.members[place].key_start
            added = f"{member},"
        return self.text[:at] + added + self.text[at:]

    def without_member(self, owner: Span, member: Span) -> str:
        """The frame without one member of an object or array, and without the comma that went with it."""
        place = owner.members.index(member)
        start = _beginning(member)
        if place + 1 < len(owner.members):
            return self.text[:start] + self.text[_beginning(owner.members[place + 1]) :]
        before = owner.members[place - 1].end if place else start
        return self.text[:before] + self.text[member.end :]


class EditFault(FrameFault):
    """Changes the text of a picked frame. The frame is sent and owed: what it is then worth, the truth says."""

    @abstractmethod
    def edited(self, sheet: Sheet) -> str | None:
        """The new text of a frame; None where this fault cannot happen to it."""

    def change(self, frame: Outgoing) -> Iterable[Outgoing] | None:
        sheet = read_sheet(frame.exchange, frame.frame)
        text = None if sheet is None or not sheet.trades else self.edited(sheet)
        if text is None or text == (sheet and sheet.text):
            return None
        return [msgspec.structs.replace(self.tagged(frame), frame=text.encode())]


class ValueFault(EditFault):
    """Changes one value of one trade: one of `roles`, where the trade has it."""

    roles: ClassVar[tuple[Role, ...]]

    @abstractmethod
    def changed_text(self, text: str) -> str | None:
        """What a value becomes, both without the quotes that a string has; None where it cannot be changed."""

    def edited(self, sheet: Sheet) -> str | None:
        trade = self._rng.choice(sheet.trades)
        values = [trade.values[role] for role in self.roles if role in trade.values]
        if not values:
            return None
        value = self._rng.choice(values)
        before = sheet.of(value)
        is_string = before.startswith('"')
        after = self.changed_text(before[1:-1] if is_string else before)
        if after is None:
            return None
        return sheet.replaced(value, f'"{after}"' if is_string else after)


def read_sheet(exchange: str, frame: bytes) -> Sheet | None:
    """A frame taken apart as its exchange builds it; None where it is no JSON text. It may have no trades."""
    try:
        text = frame.decode()
        whole = spans(text)
    except (ValueError, RecursionError):
        return None
    for form in _forms(exchange):
        trades = [_trade(form, whole, span) for span in whole.follow(form.trades)]
        if trades and all(Role.PRICE in trade.values for trade in trades):
            return Sheet(text, whole, trades)
    return Sheet(text, whole, ())


def is_number(text: str) -> bool:
    """Whether a text would be a number in JSON."""
    return _NUMBER.fullmatch(text) is not None


def _trade(form: Form, frame: Span, trade: Span) -> Trade:
    found = {role: trade.step(step) for role, step in form.in_trade.items()}
    found |= {role: next(frame.follow(way), None) for role, way in form.in_frame.items()}
    return Trade(trade, {role: span for role, span in found.items() if span is not None})


def _beginning(member: Span) -> int:
    return member.start if member.key_start < 0 else member.key_start


@cache
def _forms(exchange: str) -> tuple[Form, ...]:
    # Not at the top: with the forms comes the whole synthetic market, which only runs with such a fault need.
    from harness.synthetic.exchanges import EXCHANGES

    return EXCHANGES[exchange].FORMS if exchange in EXCHANGES else ()
