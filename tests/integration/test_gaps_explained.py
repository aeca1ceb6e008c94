"""Each cause of a gap made for real in a warehouse, and found there by its evidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.gaps import Cause, GapReport, explain_gaps
from tests.integration.checks_lab import Lab, Sent, laboratory, quiet
from tests.integration.defects import SILVER, deleted

TAPE = quiet()
FRAMES = [each for each in TAPE if each.topic == "binance" and '"s":"BTCUSDT"' in each.frame]
LOST = FRAMES[100]
LOST_ID = json.loads(LOST.frame)["data"]["t"]
MINUTE_NS = 60 * 10**9


def explained(lab: Lab, session_logs: Sequence[Path] = ()) -> GapReport:
    with lab.address.client() as client:
        return explain_gaps(client, session_logs=session_logs)


@contextmanager
def playing(directory: Path, change: Callable[[Sent], Sent]) -> Iterator[Lab]:
    """The quiet tape with every frame changed; frames without an offset were never in a topic."""
    sent = sorted(map(change, TAPE), key=lambda each: each.recv_ns)
    with laboratory(directory, sent, frames_at_once=500) as lab:
        yield lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with laboratory(tmp_path_factory.mktemp("gaps"), TAPE, frames_at_once=500) as made:
        yield made


def test_a_healthy_feed_has_no_gaps(lab: Lab) -> None:
    assert explained(lab).gaps == ()


def test_a_trade_that_silver_lost_is_a_pipeline_loss(lab: Lab) -> None:
    with lab.spoilt([deleted(SILVER, f"symbol = 'BTCUSDT' AND trade_id = '{LOST_ID}'")]):
        (gap,) = explained(lab).gaps
    assert (gap.cause, gap.first_id, gap.last_id, gap.symbol) == (Cause.PIPELINE_LOSS, LOST_ID, LOST_ID, "BTCUSDT")
    assert gap.detail.startswith("acknowledged as market.crypto.trades.binance/0/")


def test_without_the_truth_bronze_tells_of_the_loss(lab: Lab) -> None:
    spoil = [
        deleted(SILVER, f"symbol = 'BTCUSDT' AND trade_id = '{LOST_ID}'"),
        "DROP TABLE k2_truth.silver_trades",
        "DROP TABLE k2_truth.gaps",
    ]
    with lab.spoilt(spoil):
        (gap,) = explained(lab).gaps
    assert (gap.cause, gap.detail) == (Cause.PIPELINE_LOSS, "in bronze, and not in silver")


def test_without_the_truth_and_bronze_the_missing_offset_tells_of_the_loss(lab: Lab) -> None:
    offset = [each for each in TAPE if each.topic == "binance"].index(LOST)
    spoil = [
        deleted(SILVER, f"symbol = 'BTCUSDT' AND trade_id = '{LOST_ID}'"),
        deleted("k2.bronze_trades_binance", f"_offset = {offset}"),
        "DROP TABLE k2_truth.silver_trades",
        "DROP TABLE k2_truth.gaps",
    ]
    with lab.spoilt(spoil):
        (gap,) = explained(lab).gaps
    assert gap.cause is Cause.PIPELINE_LOSS
    assert gap.detail == f"offsets {offset} to {offset} of market.crypto.trades.binance/0 are nowhere"


def test_a_frame_that_was_left_out_is_never_sent_or_lost_with_the_connection(tmp_path: Path) -> None:
    """Without a session log the exchange did not send it; with one that tells of an outage, that is why."""
    with playing(tmp_path, lambda each: each._replace(faults=("gap",)) if each == LOST else each) as lab:
        (gap,) = explained(lab).gaps
        (away,) = explained(lab, [_session_log(tmp_path, LOST.recv_ns)]).gaps
    assert (gap.cause, gap.first_id, gap.last_id) == (Cause.NEVER_SENT, LOST_ID, LOST_ID)
    assert (away.cause, away.first_id, away.last_id) == (Cause.CONNECTION_LOSS, LOST_ID, LOST_ID)
    assert "code 1006" in away.detail


def _session_log(directory: Path, recv_ns: int) -> Path:
    def line(at_ns: int, event: str, **fields: object) -> str:
        at = datetime.fromtimestamp(at_ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return json.dumps({"at": at, "logger": "k2.feed.session", "event": event, **fields})

    lines = [
        line(recv_ns - MINUTE_NS, "subscribed", exchange="binance", conn="a"),
        line(recv_ns - 10**6, "connection ended", cause="lost", detail="code 1006", conn="a"),
        line(recv_ns + 10**6, "subscribed", exchange="binance", conn="b"),
    ]
    path = directory / "feed-binance.log"
    path.write_text("\n".join(lines))
    return path


def test_a_trade_that_came_a_minute_later_is_a_late_arrival(tmp_path: Path) -> None:
    with playing(
        tmp_path, lambda each: each._replace(recv_ns=each.recv_ns + MINUTE_NS) if each == LOST else each
    ) as lab:
        (gap,) = explained(lab).gaps
    assert (gap.cause, gap.first_id, gap.last_id) == (Cause.LATE_ARRIVAL, LOST_ID, LOST_ID)
    assert (gap.from_ns, gap.until_ns) == (FRAMES[101].recv_ns, LOST.recv_ns + MINUTE_NS)


def test_silence_on_every_symbol_with_ids_that_go_on_is_a_halt(tmp_path: Path) -> None:
    def halted(each: Sent) -> Sent:
        is_after = each.topic == "binance" and each.recv_ns > LOST.recv_ns
        return each._replace(recv_ns=each.recv_ns + 5 * MINUTE_NS) if is_after else each

    with playing(tmp_path, halted) as lab:
        gaps = explained(lab).gaps
    halt = next(gap for gap in gaps if gap.exchange == "binance")
    assert (halt.cause, halt.symbol, halt.trades) == (Cause.EXCHANGE_HALT, "", 0)
    assert halt.until_ns - halt.from_ns >= 5 * MINUTE_NS


def test_a_frame_that_was_refused_explains_the_ids_it_had(tmp_path: Path) -> None:
    broken = LOST.frame.replace('"p":"', '"p":1,"was":"')
    with playing(tmp_path, lambda each: each._replace(frame=broken) if each == LOST else each) as lab:
        (gap,) = explained(lab).gaps
    assert (gap.cause, gap.first_id, gap.detail) == (Cause.REFUSED, LOST_ID, "a dead letter: malformed_price")


def test_evidence_that_is_cut_short_is_named(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    third = "symbol = 'BTCUSDT' AND toUInt64(trade_id) % 3 = 0"
    with lab.spoilt([deleted(SILVER, third), "DROP TABLE k2_truth.silver_trades", "DROP TABLE k2_truth.gaps"]):
        whole = explained(lab)
        monkeypatch.setattr("harness.gaps.evidence.MOST_ROWS", 5)
        cut = explained(lab)
    assert whole.cut_short == ()
    assert len(whole.gaps) > 5
    assert set(cut.cut_short) == {"missing ids", "trades left in bronze"}
    assert cut.as_json()["cut_short"] == list(cut.cut_short)
    assert len(cut.gaps) == 5


@pytest.mark.parametrize("range_of_ids", [1, 7, 65_536])
def test_late_trades_are_the_same_however_ids_are_cut_into_ranges(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, range_of_ids: int
) -> None:
    monkeypatch.setattr("harness.gaps.evidence._RANGE", range_of_ids)
    late = f"INSERT INTO {SILVER} SELECT * REPLACE (addSeconds(ingestion_timestamp, 30) AS ingestion_timestamp, " + (
        f"bitOr(precedence, bitShiftLeft(1::UInt64, 63)) AS precedence) FROM {SILVER} WHERE trade_id = '{LOST_ID}'"
    )
    with lab.spoilt([late]):
        (gap,) = explained(lab).gaps
    assert (gap.cause, gap.first_id, gap.last_id) == (Cause.LATE_ARRIVAL, LOST_ID, LOST_ID)


def test_only_what_was_written_in_a_window_is_looked_at(lab: Lab) -> None:
    with (
        lab.spoilt([deleted(SILVER, f"symbol = 'BTCUSDT' AND trade_id = '{LOST_ID}'")]),
        lab.address.client() as client,
    ):
        (gap,) = explain_gaps(client, within=lambda column: f"{column} > now64(6) - INTERVAL 1 DAY").gaps
        nothing = explain_gaps(client, within=lambda column: f"{column} < now64(6) - INTERVAL 1 DAY")
    assert gap.cause is Cause.PIPELINE_LOSS
    assert nothing.gaps == ()
