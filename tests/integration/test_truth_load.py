"""The truth as tables of the warehouse: every value arrives exactly as it was computed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.ledger import SCHEMA
from harness.truth import Truth, compute, load
from harness.truth.tables import WINDOWS_S
from tests.integration.warehouse_http.process import PASSWORD, Warehouse

RECV_NS = 1_723_161_255_343_000_001
LARGEST = "99999999999999999999.999999999999999999"
BINANCE = (
    '{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":18446744073709551615,"p":"61837.63",'
    '"q":"0.02","T":1723161255342,"m":true,"M":false}}'
)
NEGATIVE = f'{{"e":"trade","s":"FOO","t":2,"p":"-{LARGEST}","q":"{LARGEST}","T":-2208988800000,"m":false}}'
NOT_EXACT = '{"e":"trade","s":"BTCUSDT","t":3,"p":"1e-19","q":"1","T":1723161255342,"m":false}'
KRAKEN = (
    '{"channel":"trade","type":"snapshot","data":['
    f'{{"symbol":"XBT/USD","side":"buy","price":0.000000000000000001,"qty":{LARGEST},"ord_type":"l","trade_id":1,'
    '"timestamp":"2024-08-08T23:59:59.999999Z"},'
    f'{{"symbol":"XBT/USD","side":"sell","price":{LARGEST},"qty":0.5,"trade_id":2,"timestamp":"2024-08-08T23:59:59Z"}}]}}'
)
V1 = '[1,[["354.11","0.89594024","1618678142.557535","s","m","note"]],"trade","XMR/USD"]'
SENT = (
    ("binance", BINANCE),
    ("binance", NEGATIVE),
    ("binance", NOT_EXACT),
    ("kraken", KRAKEN),
    ("kraken", V1),
    ("binance", "\n\n{\x00"),
)
TOPIC = "market.crypto.trades"
RECEIVED = "2024-08-08 23:54:15.343000001"


def ledger_row(seq: int, exchange: str, frame: str, **values: object) -> dict[str, object]:
    row = {
        "seq": seq,
        "exchange": exchange,
        "symbol": "key",
        "kind": "trade",
        "recv_ns": RECV_NS,
        "scheduled_ns": 7,
        "trades": 1,
    }
    return row | {"faults": ["withhold"], "owed": True, "frame": frame.encode()} | values


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    path: Path = tmp_path_factory.mktemp("run") / "ledger.parquet"
    acknowledged = {"sent_ns": 8, "acked_ns": 9, "partition": 3, "faults": ["late", "it's"]}
    rows = [
        ledger_row(seq, exchange, frame, offset=seq, topic=f"{TOPIC}.{exchange}", **acknowledged)
        for seq, (exchange, frame) in enumerate(SENT)
    ]
    rows.append(ledger_row(6, "kraken", KRAKEN.replace('"trade_id":2', '"trade_id":7')))
    rows.append(ledger_row(7, "binance", BINANCE.replace("709551615", "709551614"), owed=False, faults=["gap"]))
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)
    return compute(path)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, truth: Truth) -> Iterator[Any]:
    with (
        Warehouse.start(tmp_path_factory.mktemp("warehouse")) as warehouse,
        clickhouse_connect.get_client(host="127.0.0.1", port=warehouse.port, password=PASSWORD) as client,
    ):
        load(truth, client)
        yield client


def texts(client: Any, query: str) -> list[list[str]]:
    """Rows with every value as the text that ClickHouse prints, so that no client rounds it."""
    answer: bytes = client.raw_query(query, fmt="TSV")
    return [line.split("\t") for line in answer.decode().splitlines()]


def counted(client: Any) -> dict[str, int]:
    found = texts(client, "SELECT name, total_rows FROM system.tables WHERE database = 'k2_truth'")
    return {name: int(count) for name, count in found}


def test_every_table_is_there_with_all_its_rows(loaded: Any) -> None:
    assert counted(loaded) == {
        "frames": 7,
        "bronze_trades_binance": 3,
        "bronze_trades_kraken": 5,
        "dead_letters": 2,
        "silver_trades": 6,
        **{f"ohlcv_{window}": 3 for window in WINDOWS_S},
        "gaps": 1,
        "id_jumps": 0,
    }


def test_silver_is_exact(loaded: Any) -> None:
    columns = "exchange, symbol, canonical_symbol, asset_class, currency, trade_id, message_id"
    assert texts(loaded, f"SELECT {columns} FROM k2_truth.silver_trades ORDER BY seq, source_index") == [
        [
            "binance",
            "BTCUSDT",
            "BTC/USDT",
            "crypto",
            "USDT",
            "18446744073709551615",
            "133418b8-ff64-31d5-a361-80c072a60ac6",
        ],
        ["binance", "FOO", "FOO", "crypto", "", "2", "6816b109-64d6-321c-80e1-3fbfe6f647c9"],
        ["kraken", "XBT/USD", "BTC/USD", "crypto", "USD", "1", "cf236ea7-ee7e-3f83-9fe4-d1c090e4efef"],
        ["kraken", "XBT/USD", "BTC/USD", "crypto", "USD", "2", "9a42e3ee-c3a1-3e35-833c-17440469fdfd"],
        [
            *("kraken", "XMR/USD", "XMR/USD", "crypto", "USD", "1618678142.557535/354.11/0.89594024/s/m/0"),
            "7b156531-335b-3bbf-a93c-1b9f5118e59b",
        ],
        ["kraken", "XBT/USD", "BTC/USD", "crypto", "USD", "7", "427aa623-4971-35bb-99ea-ae46c37ca5bb"],
    ]


def test_silver_numbers_and_times_are_exact(loaded: Any) -> None:
    columns = "price, quantity, quote_volume, side, timestamp, ingestion_timestamp, source_sequence"
    assert texts(loaded, f"SELECT {columns} FROM k2_truth.silver_trades ORDER BY seq, source_index") == [
        ["61837.63", "0.02", "1236.7526", "SELL", "2024-08-08 23:54:15.342000", RECEIVED, "18446744073709551615"],
        [
            *(f"-{LARGEST}", LARGEST, "-9999999999999999999999999999999999999800.000000000000000000000000000000000001"),
            *("BUY", "1900-01-01 00:00:00.000000", RECEIVED, "2"),
        ],
        [
            *("0.000000000000000001", LARGEST, "99.999999999999999999999999999999999999"),
            *("BUY", "2024-08-08 23:59:59.999999", RECEIVED, "1"),
        ],
        [
            LARGEST,
            "0.5",
            "49999999999999999999.9999999999999999995",
            "SELL",
            "2024-08-08 23:59:59.000000",
            RECEIVED,
            "2",
        ],
        ["354.11", "0.89594024", "317.2613983864", "SELL", "2021-04-17 16:49:02.557535", RECEIVED, "1618678142557535"],
        [
            LARGEST,
            "0.5",
            "49999999999999999999.9999999999999999995",
            "SELL",
            "2024-08-08 23:59:59.000000",
            RECEIVED,
            "7",
        ],
    ]


def test_silver_lists_flags_and_places_are_exact(loaded: Any) -> None:
    columns = "trade_conditions, vendor_data, is_valid, validation_errors"
    places = "source_topic, source_partition, source_offset, source_index, precedence, seq"
    snapshot = "{'api':'v2','frame_type':'snapshot'}"
    rows = texts(loaded, f"SELECT {columns}, {places} FROM k2_truth.silver_trades ORDER BY seq, source_index")
    binance, kraken = f"{TOPIC}.binance", f"{TOPIC}.kraken"
    assert rows == [
        [
            *("[]", "{'event_time':'1723161255343','is_best_match':'false'}", "true", "[]"),
            *(binance, "3", "0", "0", "18446744073709551615", "0"),
        ],
        [
            *("[]", "{}", "false", "['price_not_positive','symbol_unknown','time_implausible']"),
            *(binance, "3", "1", "0", "18446744073708503039", "1"),
        ],
        ["['limit']", snapshot, "true", "[]", kraken, "3", "3", "0", "18446744073706405887", "3"],
        ["[]", snapshot, "true", "[]", kraken, "3", "3", "1", "18446744073706405886", "3"],
        ["['market','note']", "{'api':'v1'}", "true", "[]", kraken, "3", "4", "0", "18446744073705357311", "4"],
        ["[]", snapshot, "true", "[]", kraken, r"\N", r"\N", "1", r"\N", "6"],
    ]


def test_bronze_is_exact(loaded: Any) -> None:
    columns = "stream, event_time, symbol, trade_id, price, quantity, buyer_order_id, trade_time"
    places = "is_buyer_maker, is_best_match, received_at, _topic, _partition, _offset, trade_index, seq"
    rows = texts(loaded, f"SELECT {columns}, {places} FROM k2_truth.bronze_trades_binance WHERE seq < 2 ORDER BY seq")
    assert rows == [
        [
            *(
                "btcusdt@trade",
                "1723161255343",
                "BTCUSDT",
                "18446744073709551615",
                "61837.63",
                "0.02",
                r"\N",
                "1723161255342",
            ),
            *("true", "false", RECEIVED, f"{TOPIC}.binance", "3", "0", "0", "0"),
        ],
        [
            *("", r"\N", "FOO", "2", f"-{LARGEST}", LARGEST, r"\N", "-2208988800000"),
            *("false", r"\N", RECEIVED, f"{TOPIC}.binance", "3", "1", "0", "1"),
        ],
    ]
    kraken = texts(
        loaded,
        "SELECT trade_id, price, side, misc, _offset, trade_index FROM k2_truth.bronze_trades_kraken ORDER BY ALL",
    )
    assert kraken == [
        ["1", "0.000000000000000001", "buy", "", "3", "0"],
        ["1", "0.000000000000000001", "buy", "", r"\N", "0"],
        ["2", LARGEST, "sell", "", "3", "1"],
        ["7", LARGEST, "sell", "", r"\N", "1"],
        [r"\N", "354.11", "s", "note", "4", "0"],
    ]


def test_letters_frames_and_gaps_are_exact(loaded: Any) -> None:
    letters = "layer, exchange, reason, hex(message), received_at, _offset, trade_index, seq"
    said = (
        '{"symbol":"BTCUSDT","trade_id":"3","price":"1e-19","quantity":"1","side":"buy","trade_time":"1723161255342"}'
    )
    assert texts(loaded, f"SELECT {letters} FROM k2_truth.dead_letters ORDER BY ALL") == [
        ["bronze", "binance", "not_json", "0A0A7B00", RECEIVED, "5", "0", "5"],
        ["silver", "binance", "price_not_exact", said.encode().hex().upper(), RECEIVED, "2", "0", "2"],
    ]
    frames = "seq, exchange, partition, offset, scheduled_ns, sent_ns, faults, trades, letters"
    late = r"['late','it\'s']"
    assert texts(loaded, f"SELECT {frames} FROM k2_truth.frames ORDER BY seq") == [
        ["0", "binance", "3", "0", "7", "8", late, "1", "0"],
        ["1", "binance", "3", "1", "7", "8", late, "1", "0"],
        ["2", "binance", "3", "2", "7", "8", late, "1", "0"],
        ["3", "kraken", "3", "3", "7", "8", late, "2", "0"],
        ["4", "kraken", "3", "4", "7", "8", late, "1", "0"],
        ["5", "binance", "3", "5", "7", "8", late, "0", "1"],
        ["6", "kraken", r"\N", r"\N", "7", r"\N", "['withhold']", "2", "0"],
    ]
    gaps = "SELECT exchange, symbol, trade_id, seq FROM k2_truth.gaps"
    assert texts(loaded, gaps) == [["binance", "BTCUSDT", "18446744073709551614", "7"]]


@pytest.mark.parametrize(
    ("frame", "start"), [("1s", "23:59:59"), ("1m", "23:59:00"), ("15m", "23:45:00"), ("1d", "00:00:00")]
)
def test_candles_are_exact(loaded: Any, frame: str, start: str) -> None:
    prices = "window_start, open_price, open_time, high_price, low_price, close_price, close_time"
    sums = "volume, quote_volume, trade_count"
    market = "exchange = 'kraken' AND canonical_symbol = 'BTC/USD'"
    assert texts(loaded, f"SELECT {prices}, {sums} FROM k2_truth.ohlcv_{frame} WHERE {market}") == [
        [
            *(f"2024-08-08 {start}", LARGEST, "2024-08-08 23:59:59.000000", LARGEST, "0.000000000000000001"),
            *("0.000000000000000001", "2024-08-08 23:59:59.999999", "100000000000000000000.999999999999999999"),
            *("100000000000000000099.999999999999999998999999999999999999", "3"),
        ]
    ]


def test_types_hold_the_truth_whatever_the_schema_under_test_is(loaded: Any) -> None:
    types = dict(
        texts(loaded, "SELECT name, type FROM system.columns WHERE database = 'k2_truth' AND table = 'silver_trades'")
    )
    assert {
        name: types[name] for name in ("price", "quote_volume", "timestamp", "ingestion_timestamp", "source_offset")
    } == {
        "price": "Decimal(38, 18)",
        "quote_volume": "Decimal(76, 36)",
        "timestamp": r"DateTime64(6, \'UTC\')",
        "ingestion_timestamp": r"DateTime64(9, \'UTC\')",
        "source_offset": "Nullable(UInt64)",
    }


def test_loading_again_replaces_what_was_there_however_it_is_sliced(
    loaded: Any, truth: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = "SELECT * FROM k2_truth.silver_trades ORDER BY ALL"
    before, rows = texts(loaded, whole), counted(loaded)
    monkeypatch.setattr("harness.truth.upload.SLICE_ROWS", 2)
    load(truth, loaded)
    assert counted(loaded) == rows
    assert texts(loaded, whole) == before
