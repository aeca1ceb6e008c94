"""`k2 record` on scripted and simulated exchanges: what is received is on disk, and plays back as it was."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.captures import CapturedFrame, CaptureWriter, read_capture, read_in_turn
from harness.pace import parse_rate
from harness.replay import Times, replay
from harness.run import acknowledged_ends, prepare
from harness.scenario import Scenario
from harness.settle import wait_until_consumed
from harness.synthetic import parse_duration, synthetic
from k2pipeline.cli import main
from k2pipeline.exchanges import EXCHANGES, FrameKind
from k2pipeline.schema import DEFAULT_DIRECTORY
from k2pipeline.stack import start_stack
from tests.e2e.feed_rig import Command, Peer, Script, ScriptedExchange, command, simulated, spot_trade, subscribed_then
from tests.e2e.rig import wait_for

pytestmark = pytest.mark.e2e
SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
CANDLES = "SELECT * EXCEPT updated_at FROM k2.ohlcv_{}_view ORDER BY ALL"


class Recorders:
    def __init__(self, directory: Path, undo: ExitStack) -> None:
        self.directory = directory
        self._undo = undo

    def exchange(self, *scripts: Script) -> ScriptedExchange:
        return self._undo.enter_context(ScriptedExchange(*scripts))

    def start(self, at: ScriptedExchange | str, out: Path, *more: str, exchange: str = "binance") -> Command:
        url = at if isinstance(at, str) else at.url
        symbols = () if "--symbols" in more else ("--symbols", "BTCUSDT")
        return self._undo.enter_context(
            command(
                *("record", exchange, "--url", url, "--out", str(out), *symbols, *more),
                log=self.directory / "record.log",
            )
        )


@pytest.fixture
def recorders(tmp_path: Path) -> Iterator[Recorders]:
    with ExitStack() as undo:
        yield Recorders(tmp_path, undo)


def frames_in(*paths: Path) -> list[bytes]:
    return [captured.frame for captured in read_in_turn(paths)]


def until_frames(recorder: Command, out: Path, count: int) -> None:
    """Wait for the file to hold so many frames: it is read while it grows, so a part may be half there."""

    def there() -> int:
        try:
            return len(frames_in(out))
        except Exception:  # noqa: BLE001  (half a part)
            return 0

    wait_for(lambda: there() >= count, f"{count} frames in {out.name}")
    assert recorder.process.poll() is None


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_frame_is_recorded_byte_for_byte_with_its_time(recorders: Recorders, suffix: str) -> None:
    frames = [
        b'{"channel":"heartbeat"}',
        *(spot_trade(n) for n in range(300)),
        '{"é":"\\u0041"}'.encode(),
        b"not JSON",
        b"",
    ]
    exchange = recorders.exchange(subscribed_then(*frames))
    out = recorders.directory / f"mine{suffix}"
    before_ns = time.time_ns()
    recorder = recorders.start(exchange, out)
    assert recorder.ready()["symbols"] == ["BTCUSDT"]
    until_frames(recorder, out, 1 + len(frames))
    assert recorder.stop() == 0
    recorded = list(read_capture(out))
    ack, *rest = [captured.frame for captured in recorded]
    assert ack == b'{"result": null, "id": 1}'
    assert rest == frames
    times = [captured.recv_ns for captured in recorded]
    assert before_ns < times[0] <= times[-1] < time.time_ns()
    assert times == sorted(times)
    assert {captured.exchange for captured in recorded} == {"binance"}
    assert recorder.rest() == (
        f"305 frames, 300 of them with trades, in 1 file. Play them back with\n    k2-harness verify --capture {out}\n"
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_kill_9_costs_at_most_the_last_second_and_a_restart_goes_on_in_the_file(
    recorders: Recorders, suffix: str
) -> None:
    sent: list[tuple[float, bytes]] = []

    def script(peer: Peer) -> None:
        peer.accept_symbols()
        while True:
            for _ in range(20):
                sent.append((time.monotonic(), spot_trade(len(sent))))
                peer.send(sent[-1][1])
            time.sleep(0.01)

    exchange = recorders.exchange(script)
    out = recorders.directory / f"mine{suffix}"
    recorder = recorders.start(exchange, out)
    assert recorder.ready()["play_back"] == f"k2-harness verify --capture {out}"
    # Enough that is older than the second it may lose, and more on its way.
    wait_for(
        lambda: sum(sent_s < time.monotonic() - 1.1 for sent_s, _ in tuple(sent)) > 500, "500 frames a second old"
    )
    killed_s = time.monotonic()
    recorder.process.kill()
    recorder.process.wait()
    with out.open("ab") as file:
        file.write(out.read_bytes()[:25])  # the torn beginning of another part
    played = subprocess.run(
        [sys.executable, "-m", "harness.cli", "verify", "--capture", str(out), "--out", str(recorders.directory)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert played.returncode == 2
    assert f"`k2 mend {out}`" in played.stderr
    torn = out.read_bytes()
    assert main(["mend", str(out)]) == 0
    first = frames_in(out)[1:]
    out.write_bytes(torn)
    due = [frame for sent_s, frame in sent if sent_s < killed_s - 1]
    assert len(due) > 500
    assert first[: len(due)] == due
    assert first == [frame for _, frame in sent[: len(first)]]

    began = len(sent)
    again = recorders.start(exchange, out)
    again.ready()
    wait_for(lambda: len(sent) > began + 100, "more frames")
    assert again.stop() == 0
    assert again.said("torn end cut off")[0]["cut_bytes"] >= 25
    both = frames_in(out)
    assert both[: 1 + len(first)] == [b'{"result": null, "id": 1}', *first]
    second = both[1 + len(first) + 1 :]
    assert len(second) > 100
    assert set(second) <= {frame for _, frame in sent}


def test_rotation_begins_numbered_files_which_together_hold_everything(recorders: Recorders) -> None:
    frames = [spot_trade(number) for number in range(3_000)]

    def script(peer: Peer) -> None:
        peer.accept_symbols()
        for at in range(0, 3_000, 1_000):
            for each in frames[at : at + 1_000]:
                peer._protocol.send_text(each)
            # At once, for in two parts it would be enough for two rotations.
            peer.socket.sendall(b"".join(peer._protocol.data_to_send()))
            wait_for(lambda at=at: len(recorder.said("recording")) >= at // 1_000 + 2, "a rotation")

    out = recorders.directory / "mine.jsonl"
    earlier = recorders.directory / "mine-0007.jsonl"
    earlier.write_text("another recording's\n")
    recorder = recorders.start(recorders.exchange(script), out, "--rotate-mb", "0.1")
    recorder.ready()
    wait_for(lambda: len(recorder.said("recording")) >= 4, "three rotations")
    assert recorder.stop() == 0
    files = sorted(recorders.directory.glob("mine-*.jsonl"))
    assert [path.name for path in files] == [f"mine-{number:04}.jsonl" for number in (7, 8, 9, 10)]
    assert earlier.read_text() == "another recording's\n"
    assert frames_in(*files[1:])[1:] == frames
    assert not out.exists()
    listed = " ".join(f"--capture {path}" for path in files[1:])
    assert recorder.rest().endswith(f"in 3 files. Play them back with\n    k2-harness verify {listed}\n")


def test_rotation_by_time(recorders: Recorders) -> None:
    def script(peer: Peer) -> None:
        peer.accept_symbols()
        for number in range(10_000):
            peer.send(spot_trade(number))
            time.sleep(0.01)

    recorder = recorders.start(
        recorders.exchange(script), recorders.directory / "mine.jsonl.zst", "--rotate-minutes", "0.02"
    )
    recorder.ready()
    wait_for(lambda: len(recorder.said("recording")) >= 3, "two rotations")
    assert recorder.stop() == 0
    ids = [captured.frame for path in sorted(recorders.directory.glob("mine-*")) for captured in read_capture(path)]
    assert ids[1:] == [spot_trade(number) for number in range(len(ids) - 1)]


def test_frames_that_no_capture_can_hold_are_left_out_and_named(recorders: Recorders) -> None:
    out = recorders.directory / "mine.jsonl"
    exchange = recorders.exchange(subscribed_then(spot_trade(1), b"\xff\xfe", spot_trade(2)))
    recorder = recorders.start(exchange, out)
    recorder.ready()
    until_frames(recorder, out, 3)
    assert recorder.stop() == 0
    assert frames_in(out)[1:] == [spot_trade(1), spot_trade(2)]
    assert "is not UTF-8" in recorder.said("frame left out")[0]["reason"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_disk_that_takes_no_more_is_exit_3_with_a_whole_file_and_how_to_play_it(
    recorders: Recorders, suffix: str
) -> None:
    def script(peer: Peer) -> None:
        peer.accept_symbols()
        while True:
            peer.send(*(spot_trade(number) for number in range(500)))
            time.sleep(0.1)

    out = recorders.directory / f"mine{suffix}"
    recorder = recorders.start(recorders.exchange(script), out)
    recorder.ready()
    until_frames(recorder, out, 101)
    # No file of this process may grow beyond it: a write takes what fits, and the next one is refused.
    limit = out.stat().st_size + 50_000
    resource.prlimit(recorder.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    assert recorder.process.wait(60) == 3
    assert "File too large. What was flushed before, at most a second ago, is whole." in recorder.stderr
    assert f"k2-harness verify --capture {out}" in recorder.stderr
    assert 0 < out.stat().st_size <= limit
    whole = out.read_bytes()
    assert main(["mend", str(out)]) == 0
    assert out.read_bytes() == whole
    assert len(frames_in(out)) > 100


def test_wrong_names_files_and_symbols_are_exit_2_and_no_disk_is_exit_3(recorders: Recorders) -> None:
    def refusing(peer: Peer) -> None:
        while True:
            peer.accept_symbols({"BTCUSDT": "Invalid request: invalid stream"})

    exchange = recorders.exchange(refusing)
    named = recorders.start(exchange, recorders.directory / "mine.json")
    assert named.ended() == 2
    assert "a capture's name ends in one of .jsonl.gz, .jsonl.zst, .jsonl" in named.stderr
    refused = recorders.start(exchange, recorders.directory / "mine.jsonl")
    assert refused.ended() == 2
    assert "binance refused BTCUSDT" in refused.stderr
    assert len(frames_in(recorders.directory / "mine.jsonl")) == 1, "what the exchange answered"
    nowhere = recorders.start(exchange, recorders.directory / "missing" / "mine.jsonl")
    assert nowhere.ended() == 3
    assert "No such file or directory" in nowhere.stderr
    damaged = recorders.directory / "damaged.jsonl.gz"
    damaged.write_bytes(b"no gzip at all")
    assert recorders.start(exchange, damaged).ended() == 2
    assert damaged.read_bytes() == b"no gzip at all"


@pytest.mark.parametrize("name", ["binance", "kraken"])
def test_a_recording_of_the_simulated_exchange_plays_back_as_the_same_frames_and_candles(
    recorders: Recorders, k2_stack_name: str, name: str
) -> None:
    """Kraken's frames bring several trades each, and after subscribing come its snapshots."""
    directory, exchange = recorders.directory, EXCHANGES[name]
    played = [captured for captured in synthetic(parse_duration("4s"), 7) if captured.exchange == name]
    with CaptureWriter(directory / "played.jsonl") as writer:
        for captured in played:
            writer.write(captured.recv_ns, captured.exchange, captured.frame)
    out = directory / "mine.jsonl.zst"
    trades = [captured.frame for captured in played if exchange.classify(captured.frame).kind is FrameKind.TRADE]
    symbols = sorted({exchange.classify(frame).symbol for frame in trades})
    with simulated("--capture", directory / "played.jsonl", "--rate", "4x") as url:
        address = url if name == "binance" else f"{url}/v2"
        recorder = recorders.start(address, out, "--symbols", ",".join(symbols), exchange=name)
        recorder.ready()
        until_frames(recorder, out, 1 + len(trades))
        again = recorders.start(address, directory / "late.jsonl", "--symbols", ",".join(symbols), exchange=name)
        again.ready()
        assert [recorder.stop(), again.stop()] == [0, 0]
    recorded = list(read_capture(out))
    frames = [captured.frame for captured in recorded if exchange.classify(captured.frame).kind is FrameKind.TRADE]
    assert frames == trades
    late = [frame for frame in frames_in(directory / "late.jsonl") if exchange.classify(frame).trades]
    assert len(late) == (len(symbols) if name == "kraken" else 0), "one who comes late gets the last trades"
    assert max(exchange.classify(frame).trades for frame in frames) > (1 if name == "kraken" else 0)
    found = candles(recorded, directory / "recorded", k2_stack_name)
    assert found == candles(played, directory / "played", k2_stack_name) != []


def candles(frames: list[CapturedFrame], directory: Path, stack_name: str) -> list[object]:
    """Every candle of every time frame that these frames make."""
    directory.mkdir()
    with start_stack(stack_name, workdir=directory / "stack") as stack:
        prepare(stack, Scenario(captures=(Path("unused.jsonl"),)), DEFAULT_DIRECTORY)
        stats = replay(
            frames, bootstrap=stack.bootstrap, pace=parse_rate("max"), times=Times.ORIGINAL,
            ledger_path=directory / "ledger.parquet",
        )  # fmt: skip
        settled = wait_until_consumed(stack.bootstrap, "k2", acknowledged_ends(stats.ledger_path))
        assert settled.lag_messages == 0
        with stack.warehouse.client() as client:
            return [client.query(CANDLES.format(tf)).result_rows for tf in ("1m", "5m", "15m", "30m", "1h", "1d")]
