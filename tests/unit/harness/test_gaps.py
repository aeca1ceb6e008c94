"""Gaps and their causes, without a warehouse: tables of evidence in, causes out."""

from __future__ import annotations

import json

import pytest

from harness.gaps import Cause, Gap, GapReport, Outage, outages
from harness.gaps.evidence import Evidence, Hole, Silence
from harness.gaps.explain import explain
from harness.gaps.model import LISTED_GAPS

S = 10**9
BTC = ("binance", "BTCUSDT")
HOLE = Hole(*BTC, 100, 109, 50 * S, 52 * S)


def causes(gaps: tuple[Gap, ...]) -> list[tuple[str, int | None, int | None]]:
    return [(gap.cause, gap.first_id, gap.last_id) for gap in gaps]


def test_without_evidence_a_gap_stays_unexplained() -> None:
    (gap,) = explain([HOLE], [], [], Evidence())
    assert (gap.cause, gap.trades, gap.from_ns, gap.until_ns) == (Cause.UNEXPLAINED, 10, 50 * S, 52 * S)


def test_ids_of_one_hole_are_parted_by_what_is_known_of_each() -> None:
    evidence = Evidence(
        lost={BTC: {101: "absent", 102: "absent", 9: "of another hole"}},
        refused={BTC: {104: "not_json"}},
        never_sent={BTC: {105: "left out", 106: "left out", 108: "left out"}, ("kraken", "BTCUSDT"): {100: "other"}},
    )
    assert causes(explain([HOLE], [], [], evidence)) == [
        (Cause.UNEXPLAINED, 100, 100),
        (Cause.PIPELINE_LOSS, 101, 102),
        (Cause.UNEXPLAINED, 103, 103),
        (Cause.REFUSED, 104, 104),
        (Cause.NEVER_SENT, 105, 106),
        (Cause.UNEXPLAINED, 107, 107),
        (Cause.NEVER_SENT, 108, 108),
        (Cause.UNEXPLAINED, 109, 109),
    ]


def test_what_is_known_to_be_lost_is_lost_whatever_else_is_said_of_it() -> None:
    ids = dict.fromkeys(range(100, 110), "x")
    evidence = Evidence(lost={BTC: ids}, refused={BTC: ids}, never_sent={BTC: ids})
    away = Outage("binance", 50 * S, 51 * S, "lost: code 1006")
    assert causes(explain([HOLE], [], [], evidence, [away])) == [(Cause.PIPELINE_LOSS, 100, 109)]


JUMPS = {BTC: [(3, 5), (102, 104), (108, 120)]}


def test_ids_that_no_trade_has_are_jumps_and_what_is_left_of_the_hole_is_not() -> None:
    evidence = Evidence(lost={BTC: {105: "absent"}}, never_sent={BTC: {107: "left out"}}, jumps=JUMPS)
    assert causes(explain([HOLE], [], [], evidence)) == [
        (Cause.UNEXPLAINED, 100, 101),
        (Cause.ID_JUMP, 102, 104),
        (Cause.PIPELINE_LOSS, 105, 105),
        (Cause.UNEXPLAINED, 106, 106),
        (Cause.NEVER_SENT, 107, 107),
        (Cause.ID_JUMP, 108, 109),
    ]


def test_a_jump_is_a_jump_although_nobody_was_connected_then() -> None:
    jump = Hole(*BTC, 102, 104, 50 * S, 52 * S)
    (gap,) = explain([jump], [], [], Evidence(jumps=JUMPS), [Outage("binance", 50 * S, 51 * S, "lost: code 1006")])
    assert gap.cause is Cause.ID_JUMP


def test_a_jump_across_a_silence_does_not_make_a_loss_of_the_halt() -> None:
    jump = Hole(*BTC, 102, 104, 50 * S, 450 * S)
    gaps = explain([jump], [], [Silence("binance", 50 * S, 450 * S, ends=True)], Evidence(jumps=JUMPS))
    assert [gap.cause for gap in gaps] == [Cause.EXCHANGE_HALT, Cause.ID_JUMP]


@pytest.mark.parametrize(
    ("outage", "cause"),
    [
        (Outage("binance", 50 * S, 51 * S, "lost: code 1006"), Cause.CONNECTION_LOSS),
        (Outage("binance", 40 * S, 49 * S, "it may lag behind by two seconds"), Cause.CONNECTION_LOSS),
        (Outage("binance", 40 * S, 47 * S, "it was over before"), Cause.UNEXPLAINED),
        (Outage("binance", 55 * S, 57 * S, "it began after"), Cause.UNEXPLAINED),
        (Outage("kraken", 50 * S, 51 * S, "of another exchange"), Cause.UNEXPLAINED),
    ],
)
def test_ids_missed_while_nobody_was_connected_are_a_connection_loss(outage: Outage, cause: Cause) -> None:
    (gap,) = explain([HOLE], [], [], Evidence(), [outage])
    assert gap.cause is cause


def test_a_trade_never_sent_while_nobody_was_connected_is_a_connection_loss() -> None:
    evidence = Evidence(never_sent={BTC: dict.fromkeys(range(100, 110), "left out")})
    (gap,) = explain([HOLE], [], [], evidence, [Outage("binance", 50 * S, 51 * S, "lost: code 1006")])
    assert gap.cause is Cause.CONNECTION_LOSS
    assert gap.detail == "no connection for 1.000 s (lost: code 1006)"


def test_silence_with_missing_ids_is_a_connection_loss_and_no_halt() -> None:
    gaps = explain([HOLE], [], [Silence("binance", 50 * S, 52 * S, ends=True)], Evidence())
    assert causes(gaps) == [(Cause.CONNECTION_LOSS, 100, 109)]


def test_silence_without_missing_ids_is_a_halt() -> None:
    (gap,) = explain([], [], [Silence("binance", 50 * S, 450 * S, ends=True)], Evidence())
    assert (gap.cause, gap.symbol, gap.trades, gap.first_id) == (Cause.EXCHANGE_HALT, "", 0, None)
    assert (gap.from_ns, gap.until_ns) == (50 * S, 450 * S)


def test_silence_that_has_not_ended_is_no_halt_yet() -> None:
    (gap,) = explain([], [], [Silence("binance", 50 * S, 450 * S, ends=False)], Evidence())
    assert gap.cause is Cause.UNEXPLAINED


def test_silence_while_nobody_was_connected_is_no_halt() -> None:
    away = Outage("binance", 51 * S, 449 * S, "silent: not a byte")
    (gap,) = explain([], [], [Silence("binance", 50 * S, 450 * S, ends=True)], Evidence(), [away])
    assert gap.cause is Cause.CONNECTION_LOSS


def test_offsets_that_are_nowhere_explain_what_is_missing_around_them() -> None:
    offsets = Hole("binance", "market.crypto.trades.x/0", 7, 9, 49 * S, 53 * S)
    (gap,) = explain([HOLE], [], [], Evidence(lost_offsets=(offsets,)))
    assert gap.cause is Cause.PIPELINE_LOSS
    assert gap.detail == "offsets 7 to 9 of market.crypto.trades.x/0 are nowhere"


def test_late_trades_that_came_together_are_one_gap() -> None:
    late = [Hole(*BTC, number, number, 50 * S, 80 * S) for number in (101, 100, 102, 104)]
    late.append(Hole(*BTC, 105, 105, 50 * S, 95 * S))
    gaps = explain([], late, [], Evidence())
    assert causes(gaps) == [
        (Cause.LATE_ARRIVAL, 100, 102),
        (Cause.LATE_ARRIVAL, 104, 104),
        (Cause.LATE_ARRIVAL, 105, 105),
    ]
    assert gaps[0].detail == "came 30.000 s after a later trade"


def test_gaps_as_data_are_counted_by_cause_and_listed_up_to_a_limit() -> None:
    holes = [Hole(*BTC, 10 * n, 10 * n + 1, n * S, (n + 1) * S) for n in range(LISTED_GAPS + 5)]
    content = GapReport(explain(holes, [], [], Evidence())).as_json()
    assert content["by_cause"] == [{"cause": "unexplained", "gaps": LISTED_GAPS + 5, "trades": 2 * (LISTED_GAPS + 5)}]
    assert (len(content["listed"]), content["not_listed"]) == (LISTED_GAPS, 5)
    assert content["listed"][1] == {
        "exchange": "binance",
        "symbol": "BTCUSDT",
        "cause": "unexplained",
        "first_id": 10,
        "last_id": 11,
        "trades": 2,
        "from": "1970-01-01T00:00:01.000000Z",
        "until": "1970-01-01T00:00:02.000000Z",
        "seconds": 1.0,
        "detail": "nothing tells why",
    }
    assert json.loads(json.dumps(content)) == content


def line(at: int, event: str, **fields: object) -> str:
    stamp = f"2026-11-23T18:00:{at:02}.500000Z"
    return json.dumps({"at": stamp, "level": "info", "logger": "k2.feed.session", "event": event, **fields})


START_NS = 1_795_456_800 * S


def test_an_outage_lasts_from_the_end_of_a_connection_to_the_next_subscription() -> None:
    log = [
        "a line that is no JSON",
        line(1, "subscribed", exchange="binance", symbols=2, conn="a"),
        line(2, "subscribed", exchange="kraken", symbols=2, conn="b"),
        line(9, "connection ended", cause="lost", detail="code 1006", conn="a"),
        line(10, "no connection", cause="unreachable", detail="refused", conn="c"),
        line(12, "subscribed", exchange="binance", symbols=2, conn="d"),
        line(20, "connection ended", cause="silent", detail="not a byte", conn="b"),
        json.dumps({"at": "2026-11-23T18:00:50Z", "logger": "k2.feed.link", "event": "connection ended", "conn": "d"}),
        line(30, "replacing connection", conn="d"),
    ]
    assert outages(log) == (
        Outage("binance", START_NS + 9_500_000_000, START_NS + 12_500_000_000, "lost: code 1006"),
        Outage("kraken", START_NS + 20_500_000_000, START_NS + 30_500_000_000, "silent: not a byte"),
    )


def test_a_planned_replacement_is_no_outage() -> None:
    log = [
        line(1, "subscribed", exchange="binance", symbols=2, conn="a"),
        line(5, "replacing connection", conn="a"),
        line(6, "subscribed", exchange="binance", symbols=2, conn="b"),
    ]
    assert outages(log) == ()
