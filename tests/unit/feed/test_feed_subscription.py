"""Asking for symbols, with answers as the exchanges give them."""

from __future__ import annotations

import json

import pytest

from k2pipeline.exchanges import EXCHANGES, Answer, AnswerKind, Wire
from k2pipeline.feed.subscription import Subscription

SPOT, PAIRS = EXCHANGES["binance"].wire, EXCHANGES["kraken"].wire


def heard(wire: Wire, message: object) -> Answer:
    answer = wire.answer(json.dumps(message).encode())
    assert answer is not None
    return answer


def settle(subscription: Subscription, wrong: set[str]) -> list[list[str]]:
    """Answer as Binance does, refusing whatever holds one of `wrong`; gives the symbols of each request."""
    asked = []
    while not subscription.is_settled:
        message = json.loads(subscription.next_request())
        symbols = [stream.removesuffix("@trade").upper() for stream in message["params"]]
        asked.append(symbols)
        error = {"error": {"code": 2, "msg": "Invalid request: invalid stream"}, "id": message["id"]}
        subscription.hear(heard(SPOT, error if wrong & set(symbols) else {"result": None, "id": message["id"]}))
    return asked


def test_symbols_are_asked_for_in_messages_of_the_exchanges_size() -> None:
    symbols = [f"S{number}" for number in range(1024)]
    subscription = Subscription(SPOT, symbols)
    asked = settle(subscription, set())
    assert [len(each) for each in asked] == [100] * 10 + [24]
    assert [symbol for each in asked for symbol in each] == symbols
    assert subscription.accepted == set(symbols)


def test_a_request_refused_as_a_whole_is_divided_until_the_wrong_symbol_is_alone() -> None:
    symbols = ["A", "B", "C", "D", "E"]
    subscription = Subscription(SPOT, symbols)
    asked = settle(subscription, {"D"})
    assert subscription.refused == {"D": "Invalid request: invalid stream"}
    assert subscription.accepted == {"A", "B", "C", "E"}
    assert asked == [symbols, ["A", "B"], ["C", "D", "E"], ["C"], ["D", "E"], ["D"], ["E"]]


def test_one_request_is_open_at_a_time() -> None:
    subscription = Subscription(SPOT, [f"S{number}" for number in range(150)])
    subscription.next_request()
    assert subscription.is_waiting
    with pytest.raises(ValueError, match="a request is open"):
        subscription.next_request()


def test_an_answer_to_another_request_changes_nothing() -> None:
    subscription = Subscription(SPOT, ["A"])
    subscription.next_request()
    subscription.hear(heard(SPOT, {"result": None, "id": 77}))
    subscription.hear(Answer(AnswerKind.LEAVING))
    assert subscription.is_waiting


def test_an_error_without_a_request_id_means_the_open_request() -> None:
    subscription = Subscription(SPOT, ["A"])
    subscription.next_request()
    subscription.hear(heard(SPOT, {"code": 2, "msg": "Invalid request: missing field"}))
    assert subscription.refused == {"A": "Invalid request: missing field"}


def test_symbols_answered_one_by_one_are_settled_one_by_one() -> None:
    subscription = Subscription(PAIRS, ["BTC/USD", "PUPS/USD", "ETH/USD"])
    subscription.next_request()
    result = {"channel": "trade", "snapshot": True}
    accepted = {"method": "subscribe", "success": True, "req_id": 1}
    subscription.hear(heard(PAIRS, {**accepted, "result": {**result, "symbol": "ETH/USD"}}))
    error = "Currency pair not supported PUPS/USD"
    subscription.hear(heard(PAIRS, {"method": "subscribe", "success": False, "error": error, "req_id": 1}))
    assert subscription.is_waiting
    subscription.hear(heard(PAIRS, {**accepted, "result": {**result, "symbol": "BTC/USD"}}))
    assert subscription.is_settled
    assert subscription.accepted == {"BTC/USD", "ETH/USD"}
    assert subscription.refused == {"PUPS/USD": error}


def test_a_second_answer_for_a_symbol_changes_nothing() -> None:
    subscription = Subscription(PAIRS, ["BTC/USD", "ETH/USD"])
    subscription.next_request()
    for _ in range(2):
        subscription.hear(Answer(AnswerKind.ACCEPTED, 1, "BTC/USD"))
    assert subscription.is_waiting
    assert subscription.accepted == {"BTC/USD"}


def test_a_request_that_was_one_too_many_is_asked_again_whole() -> None:
    subscription = Subscription(PAIRS, ["BTC/USD", "ETH/USD"])
    subscription.next_request()
    subscription.hear(heard(PAIRS, {"Error": "Exceeded msg rate"}))
    assert (subscription.busy, subscription.is_waiting, subscription.is_settled) == ("Exceeded msg rate", False, False)
    again = json.loads(subscription.next_request())
    assert (again["params"]["symbol"], again["req_id"], subscription.busy) == (["BTC/USD", "ETH/USD"], 2, "")
    assert subscription.refused == {}


def test_symbols_for_which_the_exchange_is_busy_are_asked_again_together_after_the_others() -> None:
    symbols = [f"S{number}/USD" for number in range(150)]
    subscription = Subscription(PAIRS, symbols)
    subscription.next_request()
    for symbol in symbols[:100]:
        busy = symbol in ("S3/USD", "S7/USD")
        words = {"success": not busy, **({"error": "EService:Unavailable"} if busy else {})}
        subscription.hear(heard(PAIRS, {"method": "subscribe", "req_id": 1, "symbol": symbol, **words}))
    assert json.loads(subscription.next_request())["params"]["symbol"] == symbols[100:]
    for symbol in symbols[100:]:
        subscription.hear(Answer(AnswerKind.ACCEPTED, 2, symbol))
    assert json.loads(subscription.next_request())["params"]["symbol"] == ["S3/USD", "S7/USD"]
    for symbol in ("S3/USD", "S7/USD"):
        subscription.hear(Answer(AnswerKind.ACCEPTED, 3, symbol))
    assert subscription.is_settled
    assert subscription.accepted == set(symbols)


def test_what_was_refused_can_be_asked_for_again() -> None:
    subscription = Subscription(PAIRS, ["BTC/USD", "OLD/USD"])
    subscription.next_request()
    subscription.hear(Answer(AnswerKind.ACCEPTED, 1, "BTC/USD"))
    subscription.hear(Answer(AnswerKind.REFUSED, 1, "OLD/USD", "no"))
    assert subscription.ask_again() == {"OLD/USD"}
    assert json.loads(subscription.next_request())["params"]["symbol"] == ["OLD/USD"]
    subscription.hear(Answer(AnswerKind.ACCEPTED, 2, "OLD/USD"))
    assert (subscription.accepted, subscription.refused) == ({"BTC/USD", "OLD/USD"}, {})
