import hashlib
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any

import msgspec
import pytest

from harness.captures import CapturedFrame
from harness.synthetic import DEFAULT_START_NS, instruments, parse_duration, synthetic
from harness.synthetic.exchanges import EXCHANGES
from harness.synthetic.exchanges.kraken import V1, Outage, frames
from harness.synthetic.plans import plan
from k2pipeline.exchanges import EXCHANGES as WIRE
from k2pipeline.exchanges import FrameKind

TEN_SECONDS = parse_duration("10s")


def digest(frames: Iterator[CapturedFrame]) -> str:
    """Hash what is sent: receive time, exchange and frame."""
    hashed = hashlib.sha256()
    for captured in frames:
        hashed.update(f"{captured.recv_ns} {captured.exchange} ".encode() + captured.frame + b"\n")
    return hashed.hexdigest()


def binance_trades(frames: Iterator[CapturedFrame]) -> Iterator[dict[str, Any]]:
    for captured in frames:
        message = msgspec.json.decode(captured.frame)
        if "stream" in message:
            yield message["data"]


def kraken_trades(frames: Iterator[CapturedFrame], kind: str = "update") -> Iterator[dict[str, Any]]:
    for captured in frames:
        message = msgspec.json.decode(captured.frame, type=dict[str, msgspec.Raw])
        if message.get("type") == msgspec.Raw(f'"{kind}"'.encode()) and b'"trade_id"' in captured.frame:
            yield from msgspec.json.decode(message["data"], type=list[dict[str, Any]])


def test_the_same_seed_gives_the_same_bytes_on_every_machine() -> None:
    assert digest(synthetic(TEN_SECONDS, seed=7)) == "7938159a73c526a4ce5803d0bf7f2cdcee03eff6578c3b441ffba0e76e5f8967"


def test_many_symbols_another_rate_and_id_jumps_are_the_same_bytes_on_every_machine_too() -> None:
    stream = synthetic(TEN_SECONDS, seed=7, symbols=300, rates=5_000, id_jumps_per_million=1_000)
    assert digest(stream) == "051e5e474e43824e727fa0f5110ae569b12ab4cba000e335eb6a79fce20f3e0d"


def test_v1_frames_are_the_same_bytes_on_every_machine_too() -> None:
    asked = plan(7, "2026-01-01T00:00:00Z", TEN_SECONDS, 180_000, instruments("kraken", ["BTC/USD", "DOGE/EUR"]))
    hashed = hashlib.sha256(b"\n".join(b"%d %b" % received for received in frames(asked, dialect=V1)))
    assert hashed.hexdigest() == "687a781278fbed0a1fdde00ab87225dcf9ef68d3e14700c6d5bbdf5f9c40487b"


def test_another_seed_gives_other_trades() -> None:
    assert digest(synthetic(TEN_SECONDS, seed=7)) != digest(synthetic(TEN_SECONDS, seed=8))


def test_a_longer_run_starts_like_a_shorter_one() -> None:
    short = [captured.frame for captured in synthetic(TEN_SECONDS, seed=7, rates={"binance": 200})]
    longer = synthetic(3 * TEN_SECONDS, seed=7, rates={"binance": 200})
    assert [captured.frame for captured in islice(longer, len(short))] == short


def test_an_exchange_sends_the_same_whether_or_not_another_one_does() -> None:
    alone = [captured.frame for captured in synthetic(TEN_SECONDS, seed=7, rates={"kraken": 100})]
    both = synthetic(TEN_SECONDS, seed=7, rates={"binance": 500, "kraken": 100})
    assert [captured.frame for captured in both if captured.exchange == "kraken"] == alone


def test_frames_of_all_exchanges_come_by_receive_time_and_numbered() -> None:
    times, lines = [], defaultdict(list)
    for captured in synthetic(TEN_SECONDS, seed=7):
        times.append(captured.recv_ns)
        lines[captured.exchange].append(captured.line)
    assert times == sorted(times)
    assert set(lines) == set(EXCHANGES)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in lines.values())


@pytest.mark.parametrize("exchange", sorted(EXCHANGES))
def test_every_frame_is_a_trade_or_control_frame_of_an_asked_symbol(exchange: str) -> None:
    asked = [instrument.symbol for instrument in EXCHANGES[exchange].INSTRUMENTS[:3]]
    stream = synthetic(TEN_SECONDS, seed=7, rates={exchange: 100}, symbols={exchange: asked})
    classified = [WIRE[exchange].classify(captured.frame) for captured in stream]
    assert {frame.kind for frame in classified} == {FrameKind.TRADE, FrameKind.CONTROL}
    assert {frame.symbol for frame in classified if frame.kind is FrameKind.TRADE} == set(asked)


def test_the_rate_counts_trades_and_holds_in_the_long_run() -> None:
    stream = synthetic(parse_duration("2h"), seed=7, rates={"binance": 20})
    assert sum(1 for _ in binance_trades(stream)) == pytest.approx(20 * 7_200, rel=0.15)


def test_a_rate_may_be_a_fraction() -> None:
    stream = synthetic(parse_duration("10h"), seed=7, rates={"binance": Fraction(1, 10)})
    assert sum(1 for _ in binance_trades(stream)) == pytest.approx(3_600, rel=0.2)


def test_a_single_rate_is_shared_by_the_exchanges_in_their_usual_proportions() -> None:
    stream = synthetic(parse_duration("30m"), seed=7, rates=22)
    trades = Counter[str]()
    for captured in stream:
        trades[captured.exchange] += WIRE[captured.exchange].classify(captured.frame).trades
    assert trades["binance"] == pytest.approx(20 * 1_800, rel=0.2)
    assert trades["kraken"] == pytest.approx(2 * 1_800, rel=0.35)


@pytest.mark.parametrize("symbols", [1, 40, 700])
def test_each_exchange_has_as_many_symbols_as_asked_most_popular_first(symbols: int) -> None:
    stream = synthetic(TEN_SECONDS, seed=7, symbols=symbols, rates={"binance": 10_000})
    seen = Counter(trade["s"] for trade in binance_trades(stream))
    listed = [known.symbol for known in instruments("binance", symbols)]
    assert set(seen) <= set(listed)
    assert len(seen) > 0.9 * symbols
    assert max(seen, key=lambda symbol: seen[symbol]) == listed[0]


def test_ids_jump_only_where_it_is_asked_for() -> None:
    def gaps(jumps: int) -> int:
        last: dict[str, int] = {}
        missing = 0
        stream = synthetic(TEN_SECONDS, seed=7, rates={"binance": 1_000}, id_jumps_per_million=jumps)
        for trade in binance_trades(stream):
            missing += trade["t"] != last.get(trade["s"], trade["t"] - 1) + 1
            last[trade["s"]] = trade["t"]
        return missing

    assert gaps(0) == 0
    assert 2 <= gaps(1_000) <= 25


def test_exchanges_agree_on_what_an_asset_is_worth() -> None:
    stream = list(synthetic(parse_duration("20m"), seed=7, rates={"binance": 30, "kraken": 30}, symbols=1))
    minutes: dict[tuple[str, int], float] = {}
    for captured in stream:
        for trade in (*binance_trades(iter([captured])), *kraken_trades(iter([captured]))):
            minutes[captured.exchange, captured.recv_ns // 60_000_000_000] = float(trade.get("p") or trade["price"])
    ratios = [price / minutes["kraken", minute] for (name, minute), price in minutes.items() if name == "binance"]
    assert max(ratios) / min(ratios) < 1.006


@pytest.mark.parametrize("exchange", sorted(EXCHANGES))
def test_memory_does_not_grow_with_the_duration(exchange: str) -> None:
    def peak_bytes(duration: str) -> int:
        tracemalloc.start()
        for _ in synthetic(parse_duration(duration), seed=7, rates={exchange: 100}):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_bytes("192s") < 1.3 * peak_bytes("64s") < 30_000_000


def test_trades_happen_within_the_asked_time_and_ids_are_consecutive() -> None:
    ids: dict[object, list[int]] = defaultdict(list)
    for trade in binance_trades(synthetic(TEN_SECONDS, seed=7, rates={"binance": 1_000})):
        assert DEFAULT_START_NS <= trade["T"] * 10**6 < DEFAULT_START_NS + TEN_SECONDS
        assert trade["T"] <= trade["E"]
        ids[trade["s"]].append(trade["t"])
    assert len(ids) == len(EXCHANGES["binance"].INSTRUMENTS)
    for sent in ids.values():
        assert sent == list(range(sent[0], sent[0] + len(sent)))


def test_event_times_of_a_connection_do_not_go_backwards() -> None:
    trades = list(binance_trades(synthetic(TEN_SECONDS, seed=7, rates={"binance": 1_000})))
    for key in ("T", "E"):
        times = [trade[key] for trade in trades]
        assert times == sorted(times)


def test_prices_and_sizes_keep_to_the_grids_and_are_positive() -> None:
    grids = {known.symbol: known for known in EXCHANGES["binance"].INSTRUMENTS}
    for trade in binance_trades(synthetic(TEN_SECONDS, seed=7, rates={"binance": 1_000})):
        grid, price, size = grids[trade["s"]], Decimal(trade["p"]), Decimal(trade["q"])
        assert price > 0
        assert size > 0
        assert price % Decimal(1).scaleb(-grid.price_decimals) == 0
        assert size % Decimal(1).scaleb(-grid.size_decimals) == 0


def test_many_trades_share_a_millisecond_and_price_and_some_are_equal_but_for_the_id() -> None:
    trades = list(binance_trades(synthetic(TEN_SECONDS, seed=7, rates={"binance": 1_000})))
    shared = {tuple(trade[key] for key in "sTp") for trade in trades}
    equal = {tuple(trade[key] for key in "sTpqm") for trade in trades}
    assert len(shared) < 0.7 * len(trades)
    assert len(shared) < len(equal) < 0.98 * len(trades)


def test_kraken_starts_with_status_acks_and_fifty_old_trades_of_each_symbol() -> None:
    asked = ["BTC/USD", "ETH/EUR"]
    stream = list(synthetic(TEN_SECONDS, seed=7, rates={"kraken": 20}, symbols={"kraken": asked}))
    kinds = [WIRE["kraken"].classify(captured.frame) for captured in stream[:5]]
    assert [frame.channel for frame in kinds] == ["status", "ack", "ack", "trade", "trade"]
    old = list(kraken_trades(iter(stream), kind="snapshot"))
    assert [trade["symbol"] for trade in old] == ["BTC/USD"] * 50 + ["ETH/EUR"] * 50
    first_live = next(trade for trade in kraken_trades(iter(stream)) if trade["symbol"] == "BTC/USD")
    assert first_live["trade_id"] == old[49]["trade_id"] + 1
    assert old[0]["timestamp"] < old[49]["timestamp"] < first_live["timestamp"]


def test_kraken_v2_beats_once_a_second_when_idle_only() -> None:
    def beats(rate: int | Fraction) -> int:
        stream = synthetic(parse_duration("60s"), seed=7, rates={"kraken": rate})
        return sum(captured.frame == b'{"channel":"heartbeat"}' for captured in stream)

    assert 50 <= beats(Fraction(1, 100)) <= 60
    assert beats(300) < 5


def test_kraken_v1_beats_every_second_even_while_trades_flow() -> None:
    busy = plan(7, "2026-01-01T00:00:00Z", parse_duration("60s"), 720_000, instruments("kraken", ["BTC/USD"]))
    sent = [frame for _, frame in frames(busy, dialect=V1)]
    assert 57 <= sent.count(b'{"event":"heartbeat"}') <= 60


def test_a_kraken_reconnect_resends_fifty_trades_and_fills_the_hole() -> None:
    asked = plan(7, "2026-01-01T00:00:00Z", parse_duration("10m"), 7_200, instruments("kraken", ["BTC/USD"]))
    outage = Outage(asked.start_ns + parse_duration("5m"), asked.start_ns + parse_duration("305s"))
    received = list(frames(asked, outages=(outage,)))
    undisturbed = list(frames(asked))
    sent = [trade["trade_id"] for trade in _v2_trades(received)]
    assert len(sent) > len(set(sent))
    assert set(sent) == {trade["trade_id"] for trade in _v2_trades(undisturbed)}
    assert not [recv_ns for recv_ns, _ in received if outage.from_ns + 10**8 < recv_ns < outage.until_ns]
    assert [text for _, text in received if b'"snapshot"' in text and b'"trade_id"' in text][1].count(b"trade_id") == 50


def _v2_trades(received: list[tuple[int, bytes]]) -> list[dict[str, Any]]:
    captured = (CapturedFrame(ns, "kraken", frame) for ns, frame in received)
    return [
        trade for kept in captured for kind in ("snapshot", "update") for trade in kraken_trades(iter([kept]), kind)
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rates": {"mtgox": 1}}, "'mtgox'; there are binance, kraken"),
        ({"symbols": {"mtgox": ["BTCUSD"]}}, "'mtgox'"),
        ({"rates": {}}, "no exchange"),
        ({"rates": {"binance": 0}}, "0 trades/s is not positive"),
        ({"rates": {"binance": Fraction(1, 4_000)}}, "1/4000 trades/s is not positive, below one an hour"),
        ({"rates": 20_000_000}, "above 10,000,000 a second"),
        ({"symbols": 0}, "0 symbols asked for; give a number from 1 to "),
        ({"symbols": 50_000}, "50000 symbols asked for; give a number from 1 to "),
        ({"id_jumps_per_million": -1}, "-1 id jumps per million trades; give 0 to 1000000"),
        ({"symbols": {"binance": ["BTC/USDT"]}}, "no instrument 'BTC/USDT'; there are BTCUSDT, "),
        ({"symbols": {"binance": []}}, "name each once"),
        ({"symbols": {"kraken": ["BTC/USD", "BTC/USD"]}}, "name each once"),
    ],
)
def test_what_cannot_be_generated_is_refused_before_the_first_frame(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        synthetic(TEN_SECONDS, 7, **arguments)


def test_a_duration_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match="not positive"):
        synthetic(0, 7)
