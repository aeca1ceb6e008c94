"""The curves of a run, read off a real warehouse whose rows were written 40 ms after they were due."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.series import Series, Watch, measure
from tests.integration.checks_lab import BUSY, Lab, Sent, laboratory
from tests.integration.nightly.nights import retime

# Of this hour: rows written years ago are past their time to live.
START_NS = time.time_ns() - 3600 * 10**9
RESENT = ("binance", "BTCUSDT", "duplicate", 1)


def spaced() -> tuple[Sent, ...]:
    """The laboratory's frames, a second apart."""
    return tuple(each._replace(recv_ns=START_NS + number * 10**9) for number, each in enumerate(BUSY))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with laboratory(tmp_path_factory.mktemp("series"), spaced()) as found:
        retime(found)
        yield found


@pytest.fixture(scope="module")
def series(lab: Lab) -> Series:
    with lab.address.client() as client:
        return measure(client, Watch())


def test_every_row_of_a_layer_is_counted_once(lab: Lab, series: Series) -> None:
    bronze = "SELECT (SELECT count() FROM k2.bronze_trades_binance) + (SELECT count() FROM k2.bronze_trades_kraken)"
    for layer, query in {"bronze": bronze, "silver": "SELECT count() FROM k2.silver_trades FINAL"}.items():
        ((rows,),) = lab.rows(query)
        assert rows > 0
        assert sum(series.layers[layer].arrived) == rows
        assert series.layers[layer].latency.n == rows
        assert sum(each.n for each in series.layers[layer].over_time) == rows


def test_latency_counts_from_when_the_frame_was_due(series: Series) -> None:
    # Cut to microseconds at both ends, so it may be one less.
    for layer in ("bronze", "silver"):
        assert series.layers[layer].latency.max_us in (39_999, 40_000)
        assert {each.max_us for each in series.layers[layer].over_time} <= {39_999, 40_000}
    assert series.layers["bronze_to_silver"].latency.max_us == 1  # nothing is less than a microsecond


def test_frames_and_trades_stand_where_they_were_sent(series: Series) -> None:
    assert sum(series.sent_frames) == len([each for each in BUSY if "gap" not in each.faults])
    assert series.zero_ns == START_NS
    assert max(series.sent_frames) == 1


def test_a_trade_that_came_again_names_what_made_it(series: Series) -> None:
    (resent,) = series.resent
    assert (resent.exchange, resent.symbol, resent.faults, resent.trades) == RESENT


def test_a_layer_that_cannot_be_read_is_left_out_with_the_reason(lab: Lab) -> None:
    with lab.spoilt(["DROP VIEW k2.ohlcv_1m_view"]), lab.address.client() as client:
        series = measure(client, Watch())
    assert set(series.unread) == {"ohlcv_1m"}
    assert "ohlcv_1m_view" in series.unread["ohlcv_1m"]
    assert "silver" in series.layers
    assert replace(series, unread={}).as_json()["layers"].keys() == series.layers.keys()
