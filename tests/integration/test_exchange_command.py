"""k2-harness exchange as a user meets it: its first line, what a client gets, how it ends."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from websockets.asyncio.client import connect

from harness.captures import read_capture
from harness.cli import main
from tests.captures import REPLAYS
from tests.integration.exchange_lab import received, subscribe_v1
from tests.integration.exchange_tls import self_signed

SPOT = REPLAYS / "binance-spot-1.jsonl.gz"
LIMIT_S = 120


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "harness.cli", "exchange", *map(str, arguments)]


@contextmanager
def running(*arguments: str | Path) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """The command, and its first line."""
    process = subprocess.Popen(
        command(*arguments, "--port", "0"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline()), process
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, errors = process.communicate(timeout=LIMIT_S)
    return process.returncode, out, errors


def test_it_plays_a_capture_to_whoever_subscribes_and_leaves(tmp_path: Path) -> None:
    frames = [frame.frame for frame in read_capture(SPOT)]
    trades = [frame for frame in frames if b"btcusdt@trade" in frame]
    record = tmp_path / "sent.parquet"
    with running("--capture", SPOT, "--rate", "max", "--leave", "--slow", "stall", "--record", record) as (
        ready,
        process,
    ):
        assert ready["ready"] is True
        assert ready["pid"] == process.pid
        assert ready["urls"]["binance"].endswith(f":{ready['port']}/stream?streams=btcusdt@trade")

        async def read() -> list[bytes]:
            async with connect(ready["urls"]["binance"]) as client:
                return await received(client, len(trades))

        assert asyncio.run(read()) == trades
        code, out, errors = ended(process)
    assert (code, errors) == (0, "")
    assert json.loads(out) == {"played": {"frames": len(trades), "trades": len(trades), "faults": {}}}
    rows = pq.read_table(record, columns=["conn", "frame"]).to_pylist()
    assert [row["frame"] for row in rows if row["conn"] is not None] == trades


@pytest.mark.parametrize("number", [signal.SIGINT])
def test_ctrl_c_ends_it_well_whatever_it_does(number: signal.Signals) -> None:
    for start in ("subscribed", "now"):
        with running("--synthetic", "1h", "--rate", "1x", "--start", start) as (_, process):
            process.send_signal(number)
            code, out, errors = ended(process)
        assert (code, errors) == (0, "")
        assert "played" in out


def test_tls_is_served_with_a_certificate(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    arguments = ("--capture", REPLAYS / "kraken-v1-1.jsonl.gz", "--certificate", certificate)
    with running(*arguments) as (ready, _):
        assert ready["urls"]["kraken-v1"].startswith("wss://")
        trust = ssl.create_default_context(cafile=certificate)

        async def read() -> list[bytes]:
            async with connect(ready["urls"]["kraken-v1"], ssl=trust) as client:
                await subscribe_v1(client, "XBT/USD")
                return await received(client, 2)

        status, ack = asyncio.run(read())
    assert json.loads(status)["event"] == "systemStatus"
    assert json.loads(ack)["status"] == "subscribed"


@pytest.mark.parametrize(
    ("arguments", "finding"),
    [
        ((), "neither was given"),
        (("--capture", SPOT, "--synthetic", "1s"), "both was given"),
        (("--synthetic", "soon"), "'soon'"),
        (("--capture", SPOT, "--symbols", "5"), "--symbols 5 is for synthetic trades"),
        (("--synthetic", "1s", "--symbols", "5000"), "5000 symbols of each exchange; give a number from 1 to "),
        (("--capture", SPOT, "--id-jumps", "5"), "--id-jumps 5 is for synthetic trades"),
        (("--synthetic", "1s", "--id-jumps", "2000000"), "2000000 id jumps per million trades; give 0 to 1000000"),
        (("--synthetic", "1s", "--rate", "fast"), "'fast'"),
        (("--synthetic", "1s", "--fault", "nonsense=1"), "nonsense"),
        (("--synthetic", "1s", "--fault", "kill_client=1"), "kill_client=1: whoever connects is not ours to kill"),
        (("--synthetic", "1s", "--fault", "stall=1", "--fault", "stall=2"), "more than once"),
        (("--capture", "missing.jsonl"), "missing.jsonl"),
        (("--synthetic", "1s", "--certificate", __file__), "PEM"),
        (("--synthetic", "1s", "--host", "192.0.2.1"), "192.0.2.1"),
    ],
)
def test_wrong_arguments_are_exit_2_and_say_what_would_do(
    arguments: tuple[str, ...], finding: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["exchange", *map(str, arguments), "--port", "0"]) == 2
    assert finding in capsys.readouterr().err
