"""Asking for symbols, without a socket: what to send next, and what an answer means.

subscription = Subscription(exchange.wire, ["BTC/USD", "ETH/USD"])
while not subscription.is_settled:
    send(subscription.next_request())
    while subscription.is_waiting:
        subscription.hear(exchange.wire.answer(control_frame))
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from k2pipeline.exchanges import Answer, AnswerKind, Wire


class Subscription:
    """One request at a time, so that an answer without a request id can only mean that one.

    A request that is refused as a whole says of none of its symbols that it is wrong: it is asked again in
    two halves, until the symbol is alone. A symbol for which the exchange is busy is asked for again after the
    others; how long to wait before that is for whoever sends to know: `busy` has the exchange's words then.
    """

    def __init__(self, wire: Wire, symbols: Sequence[str]) -> None:
        self._make = wire.subscribe
        self._size = wire.symbols_per_message
        self._requests: deque[tuple[str, ...]] = deque()
        self._add(symbols)
        self._later: list[str] = []
        self.busy = ""  # of the last request
        self._asked: tuple[str, ...] = ()
        self._open: set[str] = set()
        self._request_id = 0
        self.accepted: set[str] = set()
        self.refused: dict[str, str] = {}  # symbol to the exchange's words

    @property
    def is_waiting(self) -> bool:
        """A request was sent that is not answered for all of its symbols."""
        return bool(self._open)

    @property
    def is_settled(self) -> bool:
        """Every symbol is accepted or refused."""
        return not (self._open or self._requests or self._later)

    def ask_again(self) -> frozenset[str]:
        """Have the refused symbols asked for once more; gives them."""
        refused, self.refused = frozenset(self.refused), {}
        self._add(sorted(refused))
        return refused

    def next_request(self) -> str:
        """The message to send; only when nothing is awaited and not all is settled."""
        if self._open or self.is_settled:
            raise ValueError("a request is open, or none is left" if self._open else "every symbol is settled")
        if not self._requests:
            later, self._later = self._later, []
            self._add(later)
        self.busy = ""
        self._asked = self._requests.popleft()
        self._open = set(self._asked)
        self._request_id += 1
        return self._make(self._asked, self._request_id)

    def hear(self, answer: Answer) -> None:
        """Take an answer; one to something else changes nothing."""
        is_ours = answer.request_id in (None, self._request_id) and self.is_waiting
        if not is_ours or answer.kind is AnswerKind.LEAVING:
            return
        if answer.symbol in self._open:
            self._settle(answer, {answer.symbol})
        elif not answer.symbol:
            self._settle_all(answer)

    def _settle_all(self, answer: Answer) -> None:
        if answer.kind is AnswerKind.REFUSED and len(self._open) > 1:
            left = [symbol for symbol in self._asked if symbol in self._open]
            middle = len(left) // 2
            self._requests.extendleft((tuple(left[middle:]), tuple(left[:middle])))
            self._open = set()
        else:
            self._settle(answer, set(self._open))

    def _add(self, symbols: Sequence[str]) -> None:
        self._requests.extend(tuple(symbols[at : at + self._size]) for at in range(0, len(symbols), self._size))

    def _settle(self, answer: Answer, symbols: set[str]) -> None:
        self._open -= symbols
        if answer.kind is AnswerKind.ACCEPTED:
            self.accepted |= symbols
        elif answer.kind is AnswerKind.BUSY:
            self.busy = answer.reason or "no reason given"
            self._later += [symbol for symbol in self._asked if symbol in symbols]
        else:
            self.refused.update(dict.fromkeys(symbols, answer.reason or "no reason given"))
