"""SQL tried as the value of every flag that takes free text, and of every variable of the environment.

A flag of free text either is refused, with exit code 2 and before the warehouse hears of it, or is listed here with
where it goes instead. A new one that is neither fails a test, so that somebody thinks about it. Numbers, files, choices
and switches are left out: argparse holds them to what they are. What exchanges send, and what is asked over HTTP, is
tried in tests/integration/sql and tests/unit/warehouse.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from harness import cli as harness_cli
from k2pipeline import cli as k2_cli
from k2pipeline.schema import SchemaError, SchemaVariables, apply_schema
from k2pipeline.stack import WarehouseAddress
from load import __main__ as load_cli
from load import capacity as capacity_cli

EVIL = "x' (y Int8) ENGINE = Memory; DROP TABLE k2.silver_trades; -- "
EVIL_NAME = "k2.silver_trades SETTINGS max_threads=1 -- "
MIGRATE = ("k2", "migrate", "--brokers", "broker:9092")

REFUSED = {
    ("k2", "up", "--stack"): [("k2", "up", "--stack", EVIL)],
    ("k2", "migrate", "--clickhouse"): [(*MIGRATE, "--clickhouse", f"WAREHOUSE/{name}") for name in (EVIL, EVIL_NAME)],
    ("k2", "migrate", "--brokers"): [("k2", "migrate", "--clickhouse", "WAREHOUSE/k2", "--brokers", EVIL)],
    ("k2", "migrate", "--group"): [(*MIGRATE, "--clickhouse", "WAREHOUSE/k2", "--group", EVIL)],
    ("k2", "migrate", "--cluster"): [(*MIGRATE, "--clickhouse", "WAREHOUSE/k2", "--cluster", EVIL)],
    ("k2", "metrics", "--clickhouse"): [
        ("k2", "metrics", "--port", "0", "--clickhouse", f"WAREHOUSE/{name}") for name in (EVIL, EVIL_NAME)
    ],
    ("k2-harness", "crash", "--case"): [("k2-harness", "crash", "--case", EVIL)],
    ("k2-harness", "detect", "--fault"): [("k2-harness", "detect", "--fault", EVIL)],
    ("k2-harness", "detect", "--intensity"): [("k2-harness", "detect", "--intensity", EVIL)],
    ("k2-harness", "exchange", "--synthetic"): [("k2-harness", "exchange", "--synthetic", EVIL)],
    ("k2-harness", "exchange", "--rate"): [("k2-harness", "exchange", "--synthetic", "1s", "--rate", EVIL)],
    ("k2-harness", "exchange", "--fault"): [("k2-harness", "exchange", "--synthetic", "1s", "--fault", EVIL)],
    ("k2-harness", "gate", "--base"): [("k2-harness", "gate", "--base", EVIL)],
    ("k2-harness", "gate", "--candidate"): [("k2-harness", "gate", "--base", "sql", "--candidate", EVIL)],
    ("k2-harness", "gate", "--synthetic"): [
        ("k2-harness", "gate", "--base", "sql", "--candidate", "sql", "--synthetic", EVIL)
    ],
    ("k2-harness", "gate", "--scenario"): [
        ("k2-harness", "gate", "--base", "sql", "--candidate", "sql", "--scenario", EVIL)
    ],
    ("k2-harness", "mutants", "--since"): [("k2-harness", "mutants", "--since", EVIL)],
    ("k2-harness", "nightly", "--since"): [("k2-harness", "nightly", "--clickhouse", "WAREHOUSE/k2", "--since", EVIL)],
    ("k2-harness", "nightly", "--clickhouse"): [
        ("k2-harness", "nightly", "--clickhouse", f"WAREHOUSE/{name}") for name in (EVIL, EVIL_NAME)
    ],
    ("k2-harness", "verify", "--scenario"): [("k2-harness", "verify", "--scenario", EVIL)],
    ("k2-harness", "verify", "--synthetic"): [("k2-harness", "verify", "--synthetic", EVIL)],
    ("k2-harness", "verify", "--rate"): [("k2-harness", "verify", "--synthetic", "1s", "--rate", EVIL)],
    ("k2-harness", "verify", "--fault"): [("k2-harness", "verify", "--synthetic", "1s", "--fault", EVIL)],
    ("k2-harness", "verify", "--suite"): [("k2-harness", "verify", "--synthetic", "1s", "--suite", EVIL)],
    ("load", "", "--profile"): [("load", "--profile", EVIL)],
    ("load", "", "--duration"): [("load", "--duration", EVIL)],
    ("capacity", "", "--duration"): [("capacity", "--duration", EVIL)],
}
ELSEWHERE = {
    ("k2", "feed", "--bootstrap"): "Kafka's client",
    ("k2", "feed", "--metrics-host"): "a socket",
    ("k2", "feed", "--symbols"): "the exchange; it comes back in frames, which are values",
    ("k2", "feed", "--url"): "a WebSocket",
    ("k2", "record", "--rotate-mb"): "a number",
    ("k2", "record", "--rotate-minutes"): "a number",
    ("k2", "record", "--symbols"): "the exchange",
    ("k2", "record", "--url"): "a WebSocket",
    ("k2", "metrics", "--bootstrap"): "Kafka's client",
    ("k2", "metrics", "--group"): "Kafka's client, as a group's name",
    ("k2", "metrics", "--host"): "a socket",
    ("k2-harness", "exchange", "--host"): "a socket",
    ("k2-harness", "mutants", "--object"): "it is compared with the names in sql/",
    ("k2-harness", "nightly", "--webhook"): "an HTTP request",
    ("load", "", "--workers"): "a number",
    ("capacity", "", "--workers"): "a number",
    ("capacity", "", "--lowest"): "a number",
    ("capacity", "", "--highest"): "a number",
    ("capacity", "", "--precision"): "a number",
}


def flags_of_free_text() -> Iterator[tuple[str, str, str]]:
    parsers = {
        "k2": k2_cli._parser(), "k2-harness": harness_cli._parser([]),
        "load": load_cli._parser(), "capacity": capacity_cli._parser(),
    }  # fmt: skip
    for program, parser in parsers.items():
        commands = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
        for command, sub in commands[0].choices.items() if commands else [("", parser)]:
            for action in sub._actions:
                is_text = action.nargs != 0 and action.choices is None and action.type not in (int, float, Path)
                if is_text and not isinstance(action, argparse._HelpAction):
                    yield program, command, (action.option_strings or [action.dest])[-1]


@pytest.fixture
def heard() -> Iterator[tuple[str, list[bytes]]]:
    """A warehouse's address, and everything that it is asked."""
    asked: list[bytes] = []

    class Listening(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path.encode() + self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.send_error(500)

        do_GET = do_POST  # noqa: N815  # as http.server names them

        def log_message(self, *args: object) -> None:
            """Nothing on stderr."""

    server = HTTPServer(("127.0.0.1", 0), Listening)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_flag_of_free_text_is_tried_or_goes_elsewhere() -> None:
    assert set(flags_of_free_text()) == REFUSED.keys() | ELSEWHERE.keys()


def ran(command: tuple[str, ...], warehouse: str) -> int:
    programs: dict[str, Callable[[list[str]], int]] = {
        "k2": k2_cli.main, "k2-harness": harness_cli.main, "load": load_cli.main, "capacity": capacity_cli.main,
    }  # fmt: skip
    return programs[command[0]]([word.replace("WAREHOUSE", warehouse) for word in command[1:]])


@pytest.mark.parametrize(
    "command", [each for tried in REFUSED.values() for each in tried], ids=lambda command: " ".join(command)[:60]
)
def test_sql_in_a_flag_is_wrong_input_and_reaches_no_warehouse(
    command: tuple[str, ...],
    heard: tuple[str, list[bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setattr("harness.run.RUNS", tmp_path)
    try:
        code = ran(command, heard[0])
    except SystemExit as ended:  # argparse itself refused it
        code = int(ended.code or 0)
    assert code == 2
    assert capsys.readouterr().err
    assert heard[1] == []


@pytest.mark.parametrize("command", [MIGRATE, ("k2", "metrics", "--port", "0"), ("k2-harness", "nightly")])
def test_sql_in_the_environments_url_is_wrong_input_too(
    command: tuple[str, ...], heard: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("K2_CLICKHOUSE_URL", f"{heard[0]}/{EVIL_NAME}")
    assert ran(command, heard[0]) == 2
    assert heard[1] == []


@pytest.mark.parametrize("variable", ["kafka_brokers", "kafka_group"])
def test_sql_in_a_brokers_address_is_no_schema_variable(variable: str, heard: tuple[str, list[bytes]]) -> None:
    """As K2_BOOTSTRAP and K2_WAREHOUSE_BOOTSTRAP come to it, from an external stack."""
    address = WarehouseAddress("127.0.0.1", int(heard[0].rpartition(":")[2]))
    with pytest.raises(SchemaError, match="cannot stand in the schema"):
        apply_schema(address, SchemaVariables(**{"kafka_brokers": "broker:9092", variable: EVIL}))
    assert heard[1] == []


def test_a_database_that_would_be_sql_is_refused_whoever_gives_it(heard: tuple[str, list[bytes]]) -> None:
    address = WarehouseAddress("127.0.0.1", int(heard[0].rpartition(":")[2]), database=EVIL_NAME)
    with pytest.raises(ValueError, match="cannot stand in SQL"):
        apply_schema(address, SchemaVariables(kafka_brokers="broker:9092"))
    assert heard[1] == []
