"""The standing suites on a warehouse that goes on writing: no false alarm, and still the true ones."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from harness.checks import CheckResult, run_checks
from harness.nightly.night import is_alarm
from tests.integration.checks_lab import Lab, laboratory, pipeline, quiet

SUITES: Final = ("bronze_trades_binance", "silver_trades", "ohlcv_1s", "ohlcv_1m", "ohlcv_5m")
ROUNDS: Final = 8
BEHIND_NS: Final = 10 * 10**9
BLOCK: Final = 40
HOUR_NS: Final = 3600 * 10**9


class Writer:
    """Sends trades of one market, block after block, one in eight of them for a window of minutes ago."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._stop = threading.Event()
        self.sent = 0
        self.error: Exception | None = None

    def write(self) -> None:
        """Until `stop`."""
        try:
            with self._lab.address.client() as client:
                while not self._stop.is_set():
                    self._block(client)
        except Exception as error:  # noqa: BLE001  # a thread has nobody to raise it to
            self.error = error

    def stop(self) -> None:
        self._stop.set()

    def _block(self, client: Any) -> None:
        now_ns = time.time_ns()
        rows = [self._message(number, now_ns) for number in range(self.sent, self.sent + BLOCK)]
        client.raw_insert("k2.trades_binance_queue", list(rows[0]), "\n".join(map(json.dumps, rows)), fmt="JSONEachRow")
        self.sent += BLOCK

    def _message(self, number: int, now_ns: int) -> dict[str, Any]:
        late_ms = number % 600 * 1000 if number % 8 == 0 else 0
        at_ms = now_ns // 10**6 - late_ms
        trade = {"e": "trade", "E": at_ms, "s": "BTCUSDT", "t": number + 1, "p": "100.5", "q": "1", "T": at_ms}
        return {
            "message": json.dumps({**trade, "m": True, "M": True}),
            "_topic": "market.crypto.trades.binance",
            "_partition": 0,
            "_offset": number,
            "_timestamp_ms": now_ns / 10**9,
            "_headers.name": ["recv_ns"],
            "_headers.value": [str(now_ns)],
        }


@contextmanager
def written_to(lab: Lab) -> Iterator[Writer]:
    writer = Writer(lab)
    thread = threading.Thread(target=writer.write, daemon=True)
    thread.start()
    try:
        yield writer
    finally:
        writer.stop()
        thread.join(timeout=60)
    assert writer.error is None, writer.error


def alarms(lab: Lab, until_ns: int) -> list[CheckResult]:
    found = run_checks(
        lab.address, kinds=("standing",), suites_named=SUITES, since_ns=until_ns - HOUR_NS, until_ns=until_ns
    )
    return [each for each in found if is_alarm(each)]


def names(found: list[CheckResult]) -> set[str]:
    return {f"{each.suite}.{each.name}" for each in found}


def test_no_false_alarm_while_trades_arrive_and_a_true_one_is_raised(tmp_path: Path) -> None:
    with pipeline(tmp_path) as lab, written_to(lab) as writer:
        wait_for_settled(lab, writer)
        before = 0
        for _ in range(ROUNDS):
            assert alarms(lab, time.time_ns() - BEHIND_NS) == []
            assert writer.sent > before, writer.error
            before = writer.sent
        lab.run(
            "DELETE FROM k2.silver_trades WHERE trade_id = '7' SETTINGS mutations_sync = 2",
            """INSERT INTO k2.ohlcv_1m SELECT * REPLACE (9999 AS trade_count,
            subtractMinutes(window_start, 30) AS window_start, subtractMinutes(updated_at, 30) AS updated_at)
            FROM k2.ohlcv_1m LIMIT 1""",
        )
        assert names(alarms(lab, time.time_ns() - BEHIND_NS)) >= {
            "bronze_trades_binance.trades_reach_silver",
            "silver_trades.ids_are_consecutive",
            "ohlcv_1m.candles_roll_up",
        }


def wait_for_settled(lab: Lab, writer: Writer) -> None:
    """Until there is something to check: blocks that were written before the end that the checks are given."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and writer.error is None:
        until = f"fromUnixTimestamp64Nano({time.time_ns() - BEHIND_NS}, 'UTC')"
        if lab.rows(f"SELECT count() FROM k2.silver_trades WHERE processed_at < {until}")[0][0] > BLOCK:
            return
        time.sleep(0.05)
    raise AssertionError(f"{writer.sent} trades were sent in a minute: {writer.error}")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Four minutes of trades, long written."""
    with laboratory(tmp_path_factory.mktemp("lab"), quiet(), 1000) as made:
        yield made


def rolled_up(lab: Lab, since_ns: int, until_ns: int | None) -> dict[str, CheckResult]:
    return lab.check(["ohlcv_1s", "ohlcv_1m"], kinds=("standing",), since_ns=since_ns, until_ns=until_ns)


@pytest.mark.parametrize(
    ("table", "suite"),
    [("k2.ohlcv_1s", "ohlcv_1s"), ("k2.ohlcv_1s", "ohlcv_1m"), ("k2.ohlcv_1m", "ohlcv_1m")],
)
def test_a_window_of_which_one_side_was_just_written_is_left_out_and_no_other(lab: Lab, table: str, suite: str) -> None:
    """As if the candle had been read before its parts were written, or after."""
    ((first_s, last_us),) = lab.rows(
        "SELECT toUnixTimestamp(min(window_start)), toUnixTimestamp64Micro(max(updated_at)) FROM k2.ohlcv_1s"
    )
    since_ns, until_ns = first_s * 10**9, last_us * 1000 + 10**9

    def spoilt(after_us: int) -> list[str]:
        # Both states of a window stand in the table, as on a live warehouse; the one of more trades is read.
        picked = f"FROM {table} FINAL ORDER BY window_start LIMIT 1"
        return [
            f"INSERT INTO {table} SELECT * REPLACE (high_price + 1 AS high_price, trade_count + 1 AS trade_count, "
            f"fromUnixTimestamp64Micro({after_us}, 'UTC') AS updated_at) {picked}"
        ]

    name = f"{suite}.candles_roll_up"
    with lab.spoilt(spoilt(until_ns // 1000)):
        assert not rolled_up(lab, since_ns, None)[name].success
        assert rolled_up(lab, since_ns, until_ns)[name].success
    with lab.spoilt(spoilt(until_ns // 1000 - 1)):
        assert not rolled_up(lab, since_ns, until_ns)[name].success
