"""Which ids a tape itself leaves out, read from its frames before any fault."""

from __future__ import annotations

import pytest

from harness.captures import CapturedFrame
from harness.synthetic import parse_duration, synthetic
from harness.truth import EXCHANGES, jumps
from harness.truth.jumps import jumps_of


def binance(symbol: str, *ids: int) -> list[CapturedFrame]:
    frame = '{"e":"trade","E":1,"s":"%s","t":%d,"p":"1.00000000","q":"1.00000000","T":1,"m":true,"M":true}'
    return [CapturedFrame(1, "binance", (frame % (symbol, number)).encode()) for number in ids]


def test_ids_between_two_of_a_symbol_that_no_trade_has_are_a_jump() -> None:
    tape = [*binance("BTCUSDT", 7, 8, 12), *binance("ETHUSDT", 9, 10), *binance("BTCUSDT", 13, 15, 12)]
    assert jumps_of(tape, EXCHANGES).rows() == [("binance", "BTCUSDT", 9, 11), ("binance", "BTCUSDT", 14, 14)]


def test_a_jump_between_two_batches_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    tape = binance("BTCUSDT", 7, 8, 12, 13, 14, 20)
    whole = jumps_of(tape, EXCHANGES)
    for batch in (1, 2, 3):
        monkeypatch.setattr(jumps, "BATCH_FRAMES", batch)
        assert jumps_of(tape, EXCHANGES).sort("first_id").rows() == whole.sort("first_id").rows()
    assert len(whole) == 2


@pytest.mark.parametrize("per_million", [0, 5_000])
def test_synthetic_trades_jump_as_often_as_asked_on_every_exchange(per_million: int) -> None:
    tape = synthetic(parse_duration("20s"), 3, rates=2_000, id_jumps_per_million=per_million)
    found = jumps_of(tape, EXCHANGES)
    assert set(found["exchange"]) == (set(EXCHANGES) if per_million else set())
    assert (found["first_id"] <= found["last_id"]).all()
