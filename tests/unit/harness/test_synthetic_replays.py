"""The captures in replays/ are what the generator writes, and their metadata tells the truth about them."""

import gzip
import hashlib
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness.captures import SUFFIXES, CapturedFrame, metadata_path, read_capture
from harness.synthetic.shipped import CAPTURES, Shipped, frames_sha256, write

ROOT = Path(__file__).parents[3]
REPLAYS = ROOT / "replays"
SHIPPED = {capture.name: capture for capture in CAPTURES}
every_capture = pytest.mark.parametrize("name", SHIPPED)
small_capture = pytest.mark.parametrize("name", sorted(SHIPPED.keys() - {"binance-spot-1.jsonl.gz"}))


def metadata(name: str) -> Any:
    return json.loads(metadata_path(REPLAYS / name).read_text())


@cache
def shipped_frames(name: str) -> tuple[CapturedFrame, ...]:
    return tuple(read_capture(REPLAYS / name))


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Writes a capture again, once."""
    return cache(lambda name: write(SHIPPED[name], tmp_path_factory.mktemp("again")))


@cache
def trades(name: str) -> tuple[tuple[str, Any, int], ...]:
    """Give (symbol, id or else the whole trade, event time in ns) of a well-formed capture."""
    return tuple(_trades(name))


def _trades(name: str) -> Iterator[tuple[str, Any, int]]:
    for captured in shipped_frames(name):
        message = json.loads(captured.frame)
        if isinstance(message, list):
            for row in message[1]:
                yield message[3], tuple(row), int(row[2].replace(".", "")) * 1_000
        elif message.get("channel") == "trade":
            for trade in message["data"]:
                moment = datetime.fromisoformat(trade["timestamp"])
                event_ns = int(moment.replace(microsecond=0).timestamp()) * 10**9 + moment.microsecond * 1_000
                yield trade["symbol"], trade["trade_id"], event_ns
        elif b'"e":"trade"' in captured.frame:
            data = message.get("data", message)
            yield data["s"], data["t"], data["T"] * 10**6


def test_replays_holds_the_shipped_captures_with_metadata_and_nothing_else() -> None:
    captures = {path.name for path in REPLAYS.iterdir() if path.name.endswith(SUFFIXES)}
    assert captures == set(SHIPPED)
    meta = {metadata_path(REPLAYS / name).name for name in SHIPPED}
    assert {path.name for path in REPLAYS.iterdir()} - captures - meta <= {"README.md"}


def test_replays_stays_below_three_megabytes() -> None:
    assert sum(path.stat().st_size for path in REPLAYS.iterdir()) < 3_000_000


@every_capture
def test_a_shipped_capture_is_what_the_generator_writes(name: str) -> None:
    made = iter(SHIPPED[name].frames())
    for captured in shipped_frames(name):
        assert (captured.recv_ns, captured.frame) == next(made)
        assert captured.exchange == SHIPPED[name].exchange
    assert next(made, None) is None


@small_capture
def test_writing_again_gives_the_shipped_lines_and_metadata(name: str, again: Callable[[str], Path]) -> None:
    """Unpacked, because another zlib may pack the same lines otherwise."""
    assert gzip.decompress(again(name).read_bytes()) == gzip.decompress((REPLAYS / name).read_bytes())
    packing = {"sha256", "size_bytes"}
    fresh = json.loads(metadata_path(again(name)).read_text())
    assert fresh.keys() >= packing
    assert {key: fresh[key] for key in fresh.keys() - packing} == {
        key: value for key, value in metadata(name).items() if key not in packing
    }


@small_capture
def test_writing_twice_gives_the_same_bytes(name: str, again: Callable[[str], Path], tmp_path: Path) -> None:
    first, second = again(name), write(SHIPPED[name], tmp_path)
    assert first.read_bytes() == second.read_bytes()
    assert metadata_path(first).read_bytes() == metadata_path(second).read_bytes()


@every_capture
def test_metadata_hashes_are_right(name: str) -> None:
    meta = metadata(name)
    content = (REPLAYS / name).read_bytes()
    assert meta["capture"] == name
    assert meta["size_bytes"] == len(content)
    assert meta["sha256"] == hashlib.sha256(content).hexdigest()
    frames = ((captured.recv_ns, captured.frame) for captured in shipped_frames(name))
    assert meta["details"]["frames_sha256"] == frames_sha256(frames)


@every_capture
def test_metadata_counts_frames_and_receive_times_truthfully(name: str) -> None:
    meta, times = metadata(name), [captured.recv_ns for captured in shipped_frames(name)]
    assert meta["frames"] == len(times) == sum(channel["frames"] for channel in meta["channels"])
    assert (meta["first_recv_ns"], meta["last_recv_ns"]) == (times[0], times[-1])
    assert meta["is_sorted"] is True
    assert times == sorted(times)
    assert meta["trades"] == sum(symbol["trades"] for symbol in meta["symbols"])


@pytest.mark.parametrize("name", [name for name in SHIPPED if "nasty" not in name])
def test_metadata_counts_trades_by_symbol_and_event_times_truthfully(name: str) -> None:
    meta, found = metadata(name), list(trades(name))
    counted = Counter(symbol for symbol, _, _ in found)
    assert {symbol["symbol"]: symbol["trades"] for symbol in meta["symbols"]} == counted
    assert meta["details"]["first_event_ns"] == min(event_ns for _, _, event_ns in found)
    assert meta["details"]["last_event_ns"] == max(event_ns for _, _, event_ns in found)
    assert set(meta["details"]["asked_symbols"]) == set(counted)
    if "distinct_trades" in meta["details"]:
        assert meta["details"]["distinct_trades"] == len({(symbol, key) for symbol, key, _ in found})


@pytest.mark.parametrize("name", [name for name in SHIPPED if "nasty" in name])
def test_metadata_says_which_lines_of_a_nasty_capture_hold_what(name: str) -> None:
    lines = {captured.line: captured.frame.decode() for captured in shipped_frames(name)}
    described = metadata(name)["details"]["sections"]
    expected_first = 1
    for section in described:
        first, last = section["lines"]
        assert first == expected_first <= last
        assert section["what"]
        expected_first = last + 1
    assert expected_first == len(lines) + 1
    named = [section["lines"] for section in described if section["section"].endswith("nineteen_decimals")]
    assert named
    first, last = named[0]
    assert all("1234567890123456789" in lines[n] or "000000000000000000" in lines[n] for n in range(first, last + 1))


def test_the_spot_capture_is_large_varied_and_crosses_midnight() -> None:
    found = list(trades("binance-spot-1.jsonl.gz"))
    times = [datetime.fromtimestamp(event_ns // 10**9, UTC) for _, _, event_ns in found]
    assert len(found) >= 50_000
    assert len({symbol for symbol, _, _ in found}) >= 12
    assert times[0].date() < times[-1].date()
    assert (times[-1] - times[0]).total_seconds() > 5 * 3_600
    frames = [captured.frame for captured in shipped_frames("binance-spot-1.jsonl.gz")]
    raw = sum(frame.startswith(b'{"e":"trade"') for frame in frames)
    assert 0 < raw == metadata("binance-spot-1.jsonl.gz")["details"]["raw_frames"] < len(frames) / 2


def test_the_v2_capture_resends_fifty_trades_of_each_symbol_and_misses_none() -> None:
    name = "kraken-v2-1.jsonl.gz"
    ids: dict[str, list[int]] = defaultdict(list)
    for symbol, trade_id, _ in trades(name):
        ids[symbol].append(trade_id)
    assert sum(map(len, ids.values())) >= 5_000
    assert len(ids) >= 5
    for sent in ids.values():
        assert sorted(set(sent)) == list(range(sent[0], sent[-1] + 1))
        assert len(sent) > len(set(sent))
    resent = sum(len(sent) - len(set(sent)) for sent in ids.values())
    assert resent == metadata(name)["details"]["resent_trades"] > 100
    snapshots = [c.frame.count(b"trade_id") for c in shipped_frames(name) if b'"type":"snapshot"' in c.frame]
    assert snapshots == [50] * 2 * len(ids)
    channels = {channel["channel"] for channel in metadata(name)["channels"]}
    assert channels == {"ack", "heartbeat", "status", "trade"}


def test_the_v1_capture_is_small_and_has_equal_trades_in_one_frame() -> None:
    name = "kraken-v1-1.jsonl.gz"
    repeats = 0
    for captured in shipped_frames(name):
        message = json.loads(captured.frame)
        if isinstance(message, list):
            repeats += len(message[1]) - len(set(map(tuple, message[1])))
    assert repeats == metadata(name)["details"]["equal_trades_in_one_frame"] > 0
    assert 200 <= metadata(name)["trades"] <= 999
    assert {symbol for symbol, _, _ in trades(name)} == {"XBT/USD", "XDG/EUR", "ETH/XBT"}


def test_the_command_writes_what_is_named_and_refuses_what_is_not_shipped(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "harness.synthetic", str(tmp_path)]
    name = "kraken-nasty-1.jsonl.gz"
    done = subprocess.run([*command, name], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {name, metadata_path(Path(name)).name}
    refused = subprocess.run([*command, "nope"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "no shipped capture 'nope'; there are " in refused.stderr


def test_names_of_shipped_captures_are_unique() -> None:
    assert len(SHIPPED) == len(CAPTURES)
    assert all(isinstance(capture, Shipped) for capture in CAPTURES)
