"""A run from the wire on: simulated exchanges, the real feed handlers, broker, warehouse, checks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from harness.captures import CapturedFrame
from harness.checks import CheckResult, run_checks
from harness.cli import main
from harness.exchange.show import programme
from harness.exchange.source import generated
from harness.plan import plan
from harness.run import Outcome, acknowledged_ends, prepare, run
from harness.scenario import Scenario
from harness.settle import wait_until_consumed
from harness.synthetic import parse_duration, synthetic
from harness.truth import compute, load
from harness.ways import Played, open_way
from harness.ways.websocket import WebSocketWay
from k2pipeline.exchanges import EXCHANGES
from k2pipeline.schema import DEFAULT_DIRECTORY
from k2pipeline.stack import Stack, start_stack
from tests.captures import REPLAYS

pytestmark = pytest.mark.e2e

TRADES = ("silver_trades", "bronze_trades_binance", "bronze_trades_kraken", "dead_letters", "ohlcv_1m")


def through(tmp_path: Path, stack: str, **scenario: Any) -> Outcome:
    return run(Scenario(via="websocket", suites=TRADES, **scenario), stack=stack, out=tmp_path)


def failing(outcome: Outcome) -> dict[str, int]:
    return {f"{check.suite}.{check.name}": check.unexpected for check in outcome.results.failed}


def test_a_run_is_exact_from_the_wire_on(tmp_path: Path, k2_stack_name: str) -> None:
    outcome = run(Scenario(via="websocket", synthetic="4s", rate="1100"), stack=k2_stack_name, out=tmp_path)
    assert failing(outcome) == {}
    counts = outcome.results.counts
    assert counts.trades_sent == counts.silver_trades > 2000
    assert "--via websocket" in outcome.command
    wire = {check.name for check in outcome.results.checks if check.suite == "wire"}
    assert wire == {"no_frame_lost", "no_phantom_frame", "messages_are_as_agreed", "handlers_end_well"}
    ledger = pl.read_parquet(outcome.directory / "ledger.parquet")
    assert ledger["offset"].null_count() == 0
    due_s = ledger["scheduled_ns"].sort().to_numpy() / 1e9
    assert (ledger["trades"].sum() - ledger["trades"][-1]) / (due_s[-1] - due_s[0]) == pytest.approx(1100, rel=0.01)
    assert {path.name for path in (outcome.directory / "handlers").glob("*.log")} == {
        "feed-binance.log",
        "feed-kraken.log",
    }


def test_odd_frames_reach_the_dead_letters_through_the_handler(tmp_path: Path, k2_stack_name: str) -> None:
    outcome = through(tmp_path, k2_stack_name, captures=(REPLAYS / "binance-nasty-1.jsonl.gz",), rate="500")
    assert failing(outcome) == {}
    assert outcome.results.counts.dead_letters > 20


def test_disconnects_and_resends_lose_nothing_and_collapse(tmp_path: Path, k2_stack_name: str) -> None:
    faults = ("disconnect=8", "close=2", "stall=2", "resend=3", "garbage=4", "duplicate=1%")
    outcome = through(tmp_path, k2_stack_name, synthetic="5s", rate="1100", faults=faults)
    assert failing(outcome) == {}
    counts = outcome.results.counts
    assert counts.duplicates_sent > 500
    ledger = pl.read_parquet(outcome.directory / "ledger.parquet")
    # Garbage that was on its way when its connection was cut may not have arrived, and nobody sends it again.
    assert counts.dead_letters == len(ledger.filter(pl.col("kind") == "unknown", pl.col("offset").is_not_null())) > 0
    assert counts.lost == counts.gaps_found == 0
    assert {name: outcome.stats.faults[name] for name in ("disconnect", "close", "stall", "resend", "garbage")} == {
        "disconnect": 8, "close": 2, "stall": 2, "resend": 3, "garbage": 4,
    }  # fmt: skip


def test_what_no_resend_covers_is_found_missing_and_nothing_else(tmp_path: Path, k2_stack_name: str) -> None:
    outcome = through(tmp_path, k2_stack_name, synthetic="5s", rate="1100", faults=("hole=3",))
    assert failing(outcome) == {}
    counts = outcome.results.counts
    assert counts.gaps_found
    ledger = pl.read_parquet(outcome.directory / "ledger.parquet").filter(pl.col("offset").is_not_null())
    arrived = ids([CapturedFrame(0, row["exchange"], row["frame"]) for row in ledger.iter_rows(named=True)])
    assert counts.silver_trades == len(arrived)
    # An id is missing between two that came; before a symbol's first one and after its last nobody can know of it.
    came: dict[tuple[str, str], list[int]] = {}
    for exchange, symbol, number in arrived:
        came.setdefault((exchange, symbol), []).append(number)
    skipped = [
        (exchange, symbol, number)
        for exchange, symbol, number in ids(synthetic(parse_duration("5s"), 1)) - arrived
        if min(came.get((exchange, symbol), [number])) < number < max(came.get((exchange, symbol), [number]))
    ]
    assert counts.gaps_found == len(skipped)
    # The handlers' own session logs tell why.
    assert outcome.results.gaps is not None
    (explained,) = outcome.results.gaps["by_cause"]
    assert (explained["cause"], explained["trades"]) == ("connection_loss", counts.gaps_found)


def test_two_handlers_side_by_side_bring_everything_twice_and_each_trade_counts_once(
    tmp_path: Path, k2_stack_name: str
) -> None:
    scenario = Scenario(via="websocket", synthetic="3s", rate="800", suites=TRADES, faults=("disconnect=4",))
    planned = plan(scenario)
    source = generated(planned.duration_ns, scenario.seed)
    way = WebSocketWay(programme(source, planned.pace, planned.faults, scenario.seed), each=2)
    outcome = run(scenario, stack=k2_stack_name, out=tmp_path, way=way)
    assert failing(outcome) == {}
    counts, trades = outcome.results.counts, len(ids(synthetic(parse_duration("3s"), scenario.seed)))
    assert counts.silver_trades == trades
    assert counts.trades_sent >= 2 * trades
    assert {path.name for path in (outcome.directory / "handlers").glob("*.log")} == {
        f"feed-{name}{number}.log" for name in EXCHANGES for number in ("", "-2")
    }


Trade = tuple[str, str, int]
"""Exchange, symbol, id."""


def ids(frames: Iterator[CapturedFrame] | list[CapturedFrame]) -> set[Trade]:
    """The trades of frames, read without any code of harness or pipeline."""
    found = set()
    for captured in frames:
        message = json.loads(captured.frame)
        if captured.exchange == "binance" and "data" in message:
            found.add(("binance", message["data"]["s"], message["data"]["t"]))
        elif message.get("channel") == "trade":
            found |= {("kraken", trade["symbol"], trade["trade_id"]) for trade in message["data"]}
    return found


def in_topics(bootstrap: str, partitions: int) -> list[CapturedFrame]:
    """Every message of every topic, by a consumer of our own."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "fetch.wait.max.ms": 100})
    topics = {exchange.topic: name for name, exchange in EXCHANGES.items()}
    try:
        consumer.assign(
            [TopicPartition(topic, number, OFFSET_BEGINNING) for topic in topics for number in range(partitions)]
        )
        frames: list[CapturedFrame] = []
        while batch := consumer.consume(10_000, 3.0):
            frames += [CapturedFrame(0, topics[each.topic()], each.value()) for each in batch]
        return frames
    finally:
        consumer.close()


@dataclass
class Checked:
    played: Played
    present: set[Trade]
    silver: set[Trade]
    checks: dict[str, CheckResult]


@contextmanager
def stack_for(scenario: Scenario, tmp_path: Path, name: str) -> Iterator[Stack]:
    with start_stack(name, workdir=tmp_path / "stack") as stack:
        prepare(stack, scenario, DEFAULT_DIRECTORY)
        yield stack


def played_and_checked(
    scenario: Scenario, tmp_path: Path, stack_name: str, told: Callable[[Stack, str], None] = lambda *_: None
) -> Checked:
    """A run step by step, so that the topics can be looked into."""
    way = open_way(plan(scenario))
    with stack_for(scenario, tmp_path, stack_name) as stack:
        played = way.play(stack, tmp_path, lambda text: told(stack, text))
        present = ids(in_topics(stack.bootstrap, scenario.partitions))
        wait_until_consumed(stack.bootstrap, "k2", acknowledged_ends(played.stats.ledger_path))
        with stack.warehouse.client() as client:
            load(compute(played.stats.ledger_path), client)
            rows = client.query("SELECT exchange, symbol, toUInt64(trade_id) FROM k2.silver_trades FINAL").result_rows
        checks = [*played.checks, *run_checks(stack.warehouse, suites_named=scenario.suites)]
    named = {f"{check.suite}.{check.name}": check for check in checks}
    return Checked(played, present, {tuple(row) for row in rows}, named)


def test_a_killed_handler_loses_exactly_what_nobody_sent_again(tmp_path: Path, k2_stack_name: str) -> None:
    scenario = Scenario(
        via="websocket", synthetic="8s", rate="1500", faults=("kill_client=2",), suites=TRADES, partitions=2
    )
    found = played_and_checked(scenario, tmp_path, k2_stack_name)
    lost = ids(synthetic(parse_duration("8s"), scenario.seed)) - found.present
    assert len(lost) > 50
    check = found.checks["silver_trades.no_trade_lost"]
    assert check.unexpected == len(lost)
    named = {(row["exchange"], row["symbol"], int(row["trade_id"])) for row in check.sample}
    assert named
    assert named <= lost
    assert found.silver == found.present
    for name in ("no_phantom_trade", "no_trade_doubled", "trades_equal_truth"):
        assert found.checks[f"silver_trades.{name}"].success, name
    for name in ("no_phantom_frame", "messages_are_as_agreed", "handlers_end_well"):
        assert found.checks[f"wire.{name}"].success, name
    assert not found.checks["wire.no_frame_lost"].success


def test_a_message_that_nobody_sent_fails_the_run(tmp_path: Path, k2_stack_name: str) -> None:
    topic = EXCHANGES["binance"].topic
    stray = b'{"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"1","q":"1","T":1,"m":true,"M":true}'
    produced: list[bytes] = []

    def slip_in(stack: Stack, text: str) -> None:
        if "trades" in text and not produced:
            producer = Producer({"bootstrap.servers": stack.bootstrap})
            producer.produce(topic, stray, b"BTCUSDT", partition=0)
            assert producer.flush(10) == 0
            produced.append(stray)

    scenario = Scenario(via="websocket", synthetic="2s", rate="1100", suites=TRADES, partitions=1)
    found = played_and_checked(scenario, tmp_path, k2_stack_name, slip_in)
    assert found.checks["wire.no_phantom_frame"].unexpected == 1
    assert found.checks["wire.no_phantom_frame"].sample[0]["topic"] == topic
    assert found.checks["wire.messages_are_as_agreed"].unexpected == 1
    assert found.checks["bronze_trades_binance.no_phantom_trade"].unexpected == 1
    assert found.checks["wire.no_frame_lost"].success


@pytest.mark.parametrize(
    ("arguments", "finding"),
    [
        (("--capture", REPLAYS / "kraken-v1-1.jsonl.gz", "--via", "websocket"), "168 kraken-v1 frames cannot go"),
        (("--synthetic", "1s", "--fault", "disconnect=1"), "use --via websocket"),
        (("--synthetic", "1s", "--via", "websocket", "--fault", "stall=1", "--fault", "stall=2"), "more than once"),
    ],
)
def test_what_a_way_cannot_carry_is_refused_before_anything_starts(
    tmp_path: Path, arguments: tuple[str | Path, ...], finding: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", *map(str, arguments), "--out", str(tmp_path / "runs")]) == 2
    assert finding in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
