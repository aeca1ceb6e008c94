"""The queries that users already have must run as they are, and the answers be right."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.captures import read_capture
from harness.pace import parse_rate
from harness.replay import Times, replay
from harness.run import acknowledged_ends, prepare
from harness.scenario import Scenario
from harness.settle import wait_until_consumed
from k2pipeline.exchanges import EXCHANGES, FrameKind
from k2pipeline.schema import DEFAULT_DIRECTORY
from k2pipeline.stack import Stack, start_stack
from tests.captures import REPLAYS

pytestmark = pytest.mark.e2e
CAPTURE = REPLAYS / "kraken-v2-1.jsonl.gz"


@pytest.fixture(scope="module")
def stack(k2_stack_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that has taken in one capture with reconnects, so with trades that were sent twice."""
    directory = tmp_path_factory.mktemp("users")
    with start_stack(k2_stack_name, workdir=directory / "stack") as running:
        prepare(running, Scenario(captures=(CAPTURE,)), DEFAULT_DIRECTORY)
        play(running, directory)
        yield running


def play(running: Stack, directory: Path) -> None:
    stats = replay(
        read_capture(CAPTURE), bootstrap=running.bootstrap, pace=parse_rate("max"), times=Times.ORIGINAL,
        ledger_path=directory / "ledger.parquet",
    )  # fmt: skip
    settled = wait_until_consumed(running.bootstrap, "k2", acknowledged_ends(stats.ledger_path))
    assert settled.lag_messages == 0


def rows(stack: Stack, query: str) -> list[tuple[object, ...]]:
    with stack.warehouse.client() as client:
        return list(client.query(query).result_rows)


def test_count_of_silver(stack: Stack) -> None:
    ((count,),) = rows(stack, "SELECT count() FROM k2.silver_trades;")
    ((final,),) = rows(stack, "SELECT count() FROM k2.silver_trades_view")
    assert count >= final > 5_000


def test_recent_trades_by_exchange(stack: Stack) -> None:
    query = """SELECT exchange, count() FROM k2.silver_trades
               WHERE timestamp > now() - INTERVAL 5 MINUTE GROUP BY exchange;"""
    assert rows(stack, query) == []  # the capture is older than that


def test_newest_candles(stack: Stack) -> None:
    query = """SELECT exchange, canonical_symbol, window_start, trade_count
               FROM k2.ohlcv_1m ORDER BY window_start DESC LIMIT 10;"""
    found = rows(stack, query)
    assert len(found) == 10
    assert {row[0] for row in found} == {"kraken"}
    assert [row[2] for row in found] == sorted((row[2] for row in found), reverse=True)


def test_consumers_numbers(stack: Stack) -> None:
    query = """SELECT table, num_messages_read, num_commits FROM system.kafka_consumers WHERE database = 'k2';"""
    found = {str(table): (read, commits) for table, read, commits in rows(stack, query)}
    assert set(found) == {"trades_binance_queue", "trades_kraken_queue", "trades_dlq_queue"}
    read, commits = found["trades_kraken_queue"]
    kinds = [EXCHANGES["kraken"].classify(captured.frame).kind for captured in read_capture(CAPTURE)]
    assert int(str(read)) == kinds.count(FrameKind.TRADE)
    assert int(str(commits)) >= 1
    assert found["trades_binance_queue"][0] == 0


def test_the_view_has_one_row_per_window(stack: Stack) -> None:
    query = "SELECT count(), uniqExact(exchange, canonical_symbol, window_start) FROM k2.ohlcv_{}_view"
    for frame in ("1m", "5m", "15m", "30m", "1h", "1d"):
        ((count, windows),) = rows(stack, query.format(frame))
        assert count == windows > 0
