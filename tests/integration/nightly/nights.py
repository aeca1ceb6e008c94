"""A warehouse that has seen thirty nights: twenty-nine made up, of which one may be bad, and a healthy tonight.

The made-up nights differ as real ones do: by weekday, and by a few percent at random.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.commands import nightly
from harness.nightly.history import make_tables, read_measures, record_measures
from harness.nightly.profile import Measure, profile
from harness.nightly.rules import load_rules
from harness.nightly.trend import Compared, compare_all
from harness.nightly.window import SETTLED_NS, Window
from harness.synthetic import parse_duration, synthetic
from k2pipeline.exchanges import EXCHANGES, FrameKind
from tests.integration.checks_lab import Lab, Sent, laboratory

DAY_NS: Final = 86_400 * 10**9
NIGHTS: Final = 30
MINUTE_NS: Final = 60 * 10**9
# Made-up nights have no bronze, which is kept for a week only; and parts are those of now, whatever the night.
LEFT_OUT: Final = {"bronze_rows", "parts"}
_WEEKEND: Final = 0.6
_RANDOM: Final = 0.04


@dataclass(frozen=True)
class Made:
    """What a night of one exchange is made of."""

    trades: int
    candles: int
    missing: int = 0
    slow: int = 1


class Nights:
    """The warehouse, and when its last night ends."""

    def __init__(self, lab: Lab, until_ns: int) -> None:
        self.lab = lab
        self.until_ns = until_ns

    def window(self, ago: int) -> Window:
        """The night so many days ago; 0 is tonight."""
        until_ns = self.until_ns - ago * DAY_NS
        return Window(until_ns - DAY_NS, until_ns)

    def make_up(self, ago: int, exchange: str, made: Made) -> None:
        """Write a past night of one market of an exchange. Its trades are three days older, so that candles of tonight
        have no part in them.
        """
        until_us = self.window(ago).until_ns // 1000 - 60_000_000
        ids = f"{(NIGHTS - ago) * 1_000_000} + number + if(number >= {made.trades // 2}, {made.missing}, 0)"
        done = f"fromUnixTimestamp64Micro({until_us} - number * 1000, 'UTC')"
        self.lab.run(
            f"""INSERT INTO k2.silver_trades (exchange, symbol, canonical_symbol, currency, trade_id, price, quantity,
                is_valid, source_sequence, processed_at, ingestion_timestamp, timestamp)
            SELECT '{exchange}', 'BTC/USD', 'BTC/USD', 'USD', toString({ids}), 1, 1, true, {ids}, {done} AS done,
                subtractMilliseconds(done, {made.slow} * (20 + number % 40)), subtractDays(done, 3)
            FROM numbers({made.trades})""",
            f"""INSERT INTO k2.ohlcv_1m (exchange, canonical_symbol, window_start, trade_count, updated_at)
            SELECT '{exchange}', 'BTC/USD', toStartOfMinute(subtractDays({done}, 3)) - number * 60, 1, {done}
            FROM numbers({made.candles})""",
        )

    def judge(self, ago: int, client: Any) -> list[Compared]:
        """Profile a past night, compare it with those before it, and record it, as the nightly command does."""
        window = self.window(ago)
        measures = [each for each in profile(client, window).measures if each.metric not in LEFT_OUT]
        compared = compare_all(measures, read_measures(client, window.length_s), window.night, load_rules())
        record_measures(client, window, [*measures, Measure("failed_checks", "all", 0)], self.until_ns // 10**6)
        return compared


def run_nightly(lab: Lab, asked_ns: int, out: Path, *flags: str) -> tuple[int, Path]:
    """The command as it would have run at `asked_ns`: its exit code, and the directory that it wrote."""
    parser = argparse.ArgumentParser()
    nightly.add_arguments(parser)
    url = f"http://default@127.0.0.1:{lab.address.port}/k2"
    given = ["--since", "24h", "--clickhouse", url, "--out", str(out), *flags]
    code = nightly.run(parser.parse_args(given), clock=lambda: asked_ns)
    (directory,) = out.iterdir()
    return code, directory


@contextmanager
def thirty_nights(directory: Path, bad: int | None) -> Iterator[tuple[Nights, dict[int, list[Compared]]]]:
    """The warehouse, and what the twenty-nine past nights were judged; `bad` is how many days ago the bad one was."""
    # The nights are over before the warehouse's clock says so: the command would else look at an earlier window.
    until_ns = time.time_ns() - 2 * SETTLED_NS
    with laboratory(directory, tonight(until_ns - 6 * MINUTE_NS), frames_at_once=5000) as lab:
        retime(lab)
        nights = Nights(lab, until_ns)
        with lab.address.client() as client:
            make_tables(client)
            levels = {
                measure.subject: _level(lab, measure.subject) for measure in profile(client, nights.window(0)).measures
            }
            chance = random.Random(7)  # noqa: S311  # the same nights each time
            judged = {}
            for ago in range(NIGHTS - 1, 0, -1):
                for exchange, level in levels.items():
                    nights.make_up(ago, exchange, _made(nights, ago, level, chance, is_bad=ago == bad))
                judged[ago] = nights.judge(ago, client)
        lab.keep_clean_copies()
        yield nights, judged


def _made(nights: Nights, ago: int, level: Made, chance: random.Random, *, is_bad: bool) -> Made:
    is_weekend = nights.window(ago).night.weekday() >= 5
    tonight_is = nights.window(0).night.weekday() >= 5
    share = 1.0 if is_weekend == tonight_is else _WEEKEND if is_weekend else 1 / _WEEKEND
    share *= chance.gauss(1, _RANDOM) / (3 if is_bad else 1)
    trades, candles = round(level.trades * share), round(level.candles * share)
    return Made(trades, candles, missing=40, slow=30) if is_bad else Made(trades, candles)


def _level(lab: Lab, exchange: str) -> Made:
    tables = ("silver_trades", "ohlcv_1m")
    counts = [lab.rows(f"SELECT count() FROM k2.{table} FINAL WHERE exchange = '{exchange}'") for table in tables]
    return Made(*(rows[0][0] for rows in counts))


def tonight(start_ns: int) -> tuple[Sent, ...]:
    """Four minutes of a healthy feed."""
    symbols = {"binance": ["BTCUSDT", "ETHUSDT"], "kraken": ["BTC/USDT", "ETH/EUR"]}
    tape = synthetic(parse_duration("4m"), seed=5, symbols=symbols, rates=dict.fromkeys(symbols, 4), start_ns=start_ns)
    frames = [each for each in tape if EXCHANGES[each.exchange].classify(each.frame).kind is FrameKind.TRADE]
    return tuple(Sent(each.exchange, each.frame.decode(), (), each.recv_ns) for each in frames)


def retime(lab: Lab) -> None:
    """As if every row had been written 40 ms after its frame was received, or its last trade happened: the laboratory
    feeds them all at once.
    """
    later = "addMilliseconds(toDateTime64({}, 6, 'UTC'), 40)"
    candles = lab.rows("SELECT name FROM system.tables WHERE match(name, '^ohlcv_[0-9]+[smhd]$') AND database = 'k2'")
    for table, known, written in (
        ("silver_trades", "ingestion_timestamp", "processed_at"),
        *((f"bronze_trades_{exchange}", "received_at", "ingested_at") for exchange in EXCHANGES),
        *((name, "close_time", "updated_at") for (name,) in candles),
    ):
        lab.run(
            f"CREATE TABLE k2.retimed AS k2.{table}",
            f"INSERT INTO k2.retimed SELECT * REPLACE ({later.format(known)} AS {written}) FROM k2.{table}",
            f"TRUNCATE TABLE k2.{table}",
            f"INSERT INTO k2.{table} SELECT * FROM k2.retimed",
            "DROP TABLE k2.retimed SYNC",
        )
