"""The queries that users already have must run as they are, and the answers be right.

Silver and gold are tables that replace rows when parts merge. A query without FINAL sees what is not merged yet: a
trade that came twice counts twice, and a window stands there with each of its states. With the setting `final = 1`,
which a reader's profile can give to every query, the same text answers exactly. So these ask with it, and say of the
text alone only what holds whatever has merged.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.captures import CapturedFrame, read_capture
from harness.pace import parse_rate
from harness.replay import Times, replay
from harness.run import acknowledged_ends, prepare
from harness.scenario import Scenario
from harness.settle import wait_until_consumed
from harness.truth import Truth, compute
from k2pipeline.exchanges import EXCHANGES, FrameKind
from k2pipeline.schema import DEFAULT_DIRECTORY
from k2pipeline.stack import Stack, start_stack
from tests.captures import REPLAYS

pytestmark = pytest.mark.e2e
CAPTURE = REPLAYS / "kraken-v2-1.jsonl.gz"


RECENT = {"binance": 30, "kraken": 20}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("users")


@pytest.fixture(scope="module")
def stack(k2_stack_name: str, directory: Path) -> Iterator[Stack]:
    """A stack that has taken in one capture with reconnects, so with trades that were sent twice, and trades of now."""
    with start_stack(k2_stack_name, workdir=directory / "stack") as running:
        prepare(running, Scenario(captures=(CAPTURE,)), DEFAULT_DIRECTORY)
        play(running, directory)
        yield running


@pytest.fixture(scope="module")
def truth(stack: Stack, directory: Path) -> Truth:
    return compute(directory / "ledger.parquet")


def play(running: Stack, directory: Path) -> None:
    stats = replay(
        [*read_capture(CAPTURE), *recent()], bootstrap=running.bootstrap, pace=parse_rate("max"), times=Times.ORIGINAL,
        ledger_path=directory / "ledger.parquet",
    )  # fmt: skip
    settled = wait_until_consumed(running.bootstrap, "k2", acknowledged_ends(stats.ledger_path))
    assert settled.lag_messages == 0


def recent() -> Iterator[CapturedFrame]:
    """Trades of this minute."""
    now = datetime.now(UTC)
    for number in range(RECENT["binance"]):
        moment = int((now - timedelta(milliseconds=number)).timestamp() * 1000)
        trade = {"e": "trade", "E": moment, "s": "BTCUSDT", "t": number, "p": "1.5", "q": "2", "T": moment, "m": True}
        yield CapturedFrame(time.time_ns(), "binance", json.dumps(trade).encode())
    for number in range(RECENT["kraken"]):
        moment = (now - timedelta(milliseconds=number)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        trade = {
            "symbol": "SOL/USD", "side": "buy", "price": 1.5, "qty": 2.0, "ord_type": "limit",
            "trade_id": 10**9 + number, "timestamp": moment,
        }  # fmt: skip
        frame = {"channel": "trade", "type": "update", "data": [trade]}
        yield CapturedFrame(time.time_ns(), "kraken", json.dumps(frame).encode())


def rows(stack: Stack, query: str, *, final: int = 0) -> list[tuple[object, ...]]:
    with stack.warehouse.client() as client:
        return list(client.query(query, settings={"final": final}).result_rows)


def test_count_of_silver(stack: Stack, truth: Truth) -> None:
    query = "SELECT count() FROM k2.silver_trades;"
    assert truth.duplicates_sent > 50
    assert rows(stack, query, final=1) == [(truth.distinct_trades,)]
    ((unmerged,),) = rows(stack, query)
    assert truth.distinct_trades <= int(str(unmerged)) <= truth.distinct_trades + truth.duplicates_sent


def test_recent_trades_by_exchange(stack: Stack) -> None:
    query = """SELECT exchange, count() FROM k2.silver_trades
               WHERE timestamp > now() - INTERVAL 5 MINUTE GROUP BY exchange;"""
    assert dict(rows(stack, query)) == RECENT  # none of them came twice, so no merge matters


def test_newest_candles(stack: Stack, truth: Truth) -> None:
    query = """SELECT exchange, canonical_symbol, window_start, trade_count
               FROM k2.ohlcv_1m ORDER BY window_start DESC LIMIT 10;"""
    columns = ("exchange", "canonical_symbol", "window_start", "trade_count")
    candles = truth.tables["ohlcv_1m"].select(columns).sort("window_start", descending=True)
    found = [(row[0], row[1], _naive(row[2]), row[3]) for row in rows(stack, query, final=1)]
    expected = [(row[0], row[1], _naive(row[2]), row[3]) for row in candles.iter_rows()]
    # Windows of one minute come in any order, so the last of the ten is one of several.
    assert [row[2] for row in found] == [row[2] for row in expected[:10]]
    assert Counter(found) <= Counter(expected)
    assert sum(int(str(row[3])) for row in found if row[0] == "binance") == RECENT["binance"]


def _naive(moment: object) -> datetime:
    assert isinstance(moment, datetime)
    return moment.replace(tzinfo=None)


def test_consumers_numbers(stack: Stack) -> None:
    query = """SELECT table, num_messages_read, num_commits FROM system.kafka_consumers WHERE database = 'k2';"""
    found = {str(table): (read, commits) for table, read, commits in rows(stack, query)}
    assert set(found) == {"trades_binance_queue", "trades_kraken_queue", "trades_dlq_queue"}
    read, commits = found["trades_kraken_queue"]
    kinds = [EXCHANGES["kraken"].classify(captured.frame).kind for captured in read_capture(CAPTURE)]
    assert int(str(read)) == kinds.count(FrameKind.TRADE) + RECENT["kraken"]
    assert int(str(commits)) >= 1
    assert found["trades_binance_queue"][0] == RECENT["binance"]


def test_the_view_has_one_row_per_window(stack: Stack, truth: Truth) -> None:
    columns = "count(), uniqExact(exchange, canonical_symbol, window_start), sum(trade_count)"
    valid = truth.tables["silver_trades"]["is_valid"].sum()
    for frame in ("1m", "5m", "15m", "30m", "1h", "1d"):
        windows = len(truth.tables[f"ohlcv_{frame}"])
        assert rows(stack, f"SELECT {columns} FROM k2.ohlcv_{frame}_view") == [(windows, windows, valid)]
