"""Kafka tables on the engine itself, without a broker: what the DDL makes, and which consumers live when.

The engine checks a Kafka table's settings as a server does before it fails for want of threads, so it is the
reference for our errors.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from k2pipeline.warehouse.engine import Engine, EngineConnection
from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.kafka.consumer import KafkaConsumer
from k2pipeline.warehouse.kafka.ddl import definition_in, rewrite_create
from k2pipeline.warehouse.kafka.tables import KafkaTables

REQUIRED = "kafka_broker_list = 'b', kafka_topic_list = 't', kafka_group_name = 'g', kafka_format = 'RawBLOB'"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(tmp_path_factory.mktemp("data"))
    yield engine
    engine.close()


@pytest.fixture
def connection(engine: Engine) -> Iterator[EngineConnection]:
    with engine.connect() as connection:
        connection.execute("CREATE DATABASE k2")
        yield connection
        connection.execute("DROP DATABASE k2")


@pytest.fixture
def tables(engine: Engine, connection: EngineConnection) -> Iterator[KafkaTables]:
    tables = KafkaTables(connect=engine.connect)
    tables.start()
    yield tables
    tables.close()
    assert consumer_threads() == []


@pytest.fixture(scope="module")
def nobody() -> Iterator[str]:
    """An address where nothing answers: bound, so that nobody else takes it, and not listening."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{unused.getsockname()[1]}"


def consumer_threads() -> list[str]:
    return sorted(thread.name for thread in threading.enumerate() if isinstance(thread, KafkaConsumer))


def run(tables: KafkaTables, connection: EngineConnection, sql: str) -> None:
    with tables.ddl():
        connection.execute(tables.intercept(sql) or sql)


def create_queue(tables: KafkaTables, connection: EngineConnection, brokers: str, more: str = "") -> None:
    settings = REQUIRED.replace("'b'", f"'{brokers}'")
    run(tables, connection, f"CREATE TABLE k2.queue (message String) ENGINE = Kafka SETTINGS {settings}{more}")


def create_view(tables: KafkaTables, connection: EngineConnection, name: str = "view") -> None:
    run(
        tables,
        connection,
        f"CREATE MATERIALIZED VIEW k2.{name} ENGINE = Memory AS SELECT message, _offset FROM k2.queue",
    )


@pytest.mark.parametrize(
    "definition",
    [
        f"(message String) ENGINE = Kafka SETTINGS {REQUIRED}, kafka_colour = 'red'",
        f"(message String) ENGINE = Kafka SETTINGS {REQUIRED}, kafka_num_consumers = 'many'",
        f"(message String) ENGINE = Kafka SETTINGS {REQUIRED}, kafka_num_consumers = 0",
        f"(message String) ENGINE = Kafka SETTINGS {REQUIRED}, kafka_num_consumers = 100000",
        f"(message String) ENGINE = Kafka SETTINGS {REQUIRED}, kafka_max_block_size = 0",
        f"(message String) ENGINE = Kafka SETTINGS {REQUIRED}, kafka_poll_max_batch_size = 0",
        f"(message String) ENGINE = Kafka SETTINGS {REQUIRED}, kafka_consumers_pool_ttl_ms = 0",
        f"(message String) ENGINE = Kafka SETTINGS {REQUIRED}, kafka_flush_interval_ms = -1",
        f"(message String) ENGINE = Kafka SETTINGS {REQUIRED}, kafka_flush_interval_ms = '1s'",
        f"(message String) ENGINE = Kafka SETTINGS {REQUIRED}, kafka_flush_interval_ms = {'9' * 30}",
        f"(message String) ENGINE = Kafka SETTINGS {REQUIRED}, kafka_flush_interval_ms = {'9' * 5_000}",
        f"(message String) ENGINE = Kafka SETTINGS {REQUIRED}, kafka_flush_interval_ms = 1e400",
        f"(message String) ENGINE = Kafka SETTINGS {REQUIRED}, kafka_thread_per_consumer = 2",
        f"(message String) ENGINE = Kafka SETTINGS {REQUIRED}, kafka_thread_per_consumer = 'maybe'",
        f"(message String) ENGINE = Kafka SETTINGS {REQUIRED}, kafka_handle_error_mode = 'ignore'",
        f"(message String) ENGINE = Kafka SETTINGS {REQUIRED}, kafka_client_id = 5",
        f"(message String DEFAULT 'x') ENGINE = Kafka SETTINGS {REQUIRED}",
        f"(message String, INDEX i message TYPE minmax) ENGINE = Kafka SETTINGS {REQUIRED}",
        "(message String) ENGINE = Kafka SETTINGS kafka_broker_list = 'b'",
        "(message String) ENGINE = Kafka",
        "(message String) ENGINE = Kafka('b', 't', 'g')",
        "(message String) ENGINE = Kafka('b', 't', 'g', 5)",
        "(message String) ENGINE = Kafka('b', 't', 'g', 'RawBLOB', '', '', 'many')",
        "(message String) ENGINE = Kafka('b', 't', 'g', 'RawBLOB') SETTINGS kafka_broker_list = 'x'",
    ],
)
def test_wrong_statement_has_the_engines_own_error_code(connection: EngineConnection, definition: str) -> None:
    statement = f"CREATE TABLE k2.wrong {definition}"
    with pytest.raises(WarehouseError) as engines:
        connection.execute(statement)
    with pytest.raises(WarehouseError) as ours:
        rewrite_create(statement)
    assert (ours.value.code, ours.value.name) == (engines.value.code, engines.value.name)


def test_virtual_columns_have_the_types_that_clickhouse_documents(
    tables: KafkaTables, connection: EngineConnection, nobody: str
) -> None:
    create_queue(tables, connection, nobody)
    described = connection.execute("DESCRIBE k2.queue").decode().splitlines()
    columns = {line.split("\t")[0]: line.split("\t")[1] for line in described}
    assert columns == {
        "message": "String",
        "_topic": "LowCardinality(String)",
        "_key": "String",
        "_offset": "UInt64",
        "_partition": "UInt64",
        "_timestamp": "Nullable(DateTime)",
        "_timestamp_ms": "Nullable(DateTime64(3))",
        "_headers.name": "Array(String)",
        "_headers.value": "Array(String)",
    }


def test_definition_survives_the_engine_with_all_its_characters(
    tables: KafkaTables, connection: EngineConnection
) -> None:
    group = 'it\'s "quoted" \\ and ünïcode'
    literal = group.replace("\\", "\\\\").replace("'", "''")
    run(
        tables,
        connection,
        f"CREATE TABLE k2.queue (m String) ENGINE = Kafka('b', 't', '{literal}', 'RawBLOB')",
    )
    found = connection.execute("SELECT comment FROM system.columns WHERE database = 'k2' AND name = '_topic'", "TSVRaw")
    definition = definition_in(found.decode().removesuffix("\n"))
    assert definition is not None
    assert (definition.settings.group_name, definition.message_column) == (group, "m")


def test_consumer_lives_while_a_view_reads(tables: KafkaTables, connection: EngineConnection, nobody: str) -> None:
    create_queue(tables, connection, nobody)
    assert consumer_threads() == []
    create_view(tables, connection)
    assert consumer_threads() == ["kafka-queue-0"]
    create_view(tables, connection, "second")
    run(tables, connection, "DROP VIEW k2.view")
    assert consumer_threads() == ["kafka-queue-0"]
    run(tables, connection, "DROP VIEW k2.second")
    assert consumer_threads() == []


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE k2.queue",
        "DETACH TABLE k2.queue",
        "DETACH TABLE k2.view",
        "DROP DATABASE k2",
        "DETACH DATABASE k2",
    ],
)
def test_whatever_takes_the_table_or_its_view_away_ends_the_consumers(
    tables: KafkaTables, connection: EngineConnection, nobody: str, statement: str
) -> None:
    create_queue(tables, connection, nobody, ", kafka_num_consumers = 2, kafka_thread_per_consumer = 1")
    create_view(tables, connection)
    assert consumer_threads() == ["kafka-queue-0", "kafka-queue-1"]
    run(tables, connection, statement)
    assert consumer_threads() == []
    run(
        tables,
        connection,
        "ATTACH DATABASE IF NOT EXISTS k2" if "DETACH DATABASE" in statement else "CREATE DATABASE IF NOT EXISTS k2",
    )


def test_copy_of_a_kafka_table_is_a_kafka_table(tables: KafkaTables, connection: EngineConnection, nobody: str) -> None:
    create_queue(tables, connection, nobody)
    run(tables, connection, "CREATE TABLE k2.copy AS k2.queue")
    run(tables, connection, "CREATE MATERIALIZED VIEW k2.view ENGINE = Memory AS SELECT message FROM k2.copy")
    assert consumer_threads() == ["kafka-copy-0"]


def test_queue_is_not_read_by_select_but_a_table_of_its_name_elsewhere_is(
    tables: KafkaTables, connection: EngineConnection, nobody: str
) -> None:
    create_queue(tables, connection, nobody)
    for database, table in (("k2", "queue"), ("", "queue")):
        with pytest.raises(WarehouseError, match=r"620.*topic with a Kafka client"):
            tables.refuse_reading([(database, table)], lambda: "k2")
    tables.refuse_reading([("", "queue"), ("other", "queue"), ("k2", "target")], lambda: "other")


def test_plain_null_table_is_no_kafka_table(tables: KafkaTables, connection: EngineConnection) -> None:
    run(tables, connection, "CREATE TABLE k2.queue (message String, _topic String COMMENT 'x') ENGINE = Null")
    run(tables, connection, "CREATE MATERIALIZED VIEW k2.view ENGINE = Memory AS SELECT message FROM k2.queue")
    assert consumer_threads() == []


def test_exchanged_tables_are_consumed_under_their_new_names(
    tables: KafkaTables, connection: EngineConnection, nobody: str
) -> None:
    create_queue(tables, connection, nobody)
    create_view(tables, connection)
    run(tables, connection, "CREATE TABLE k2.other (message String) ENGINE = Memory")
    run(tables, connection, "EXCHANGE TABLES k2.queue AND k2.other")
    tables.refresh_consumers()
    assert connection.execute("SELECT table FROM system.kafka_consumers") == b"other\n"


def test_failed_statement_in_the_gate_leaves_everything_as_it_was(
    tables: KafkaTables, connection: EngineConnection, nobody: str
) -> None:
    create_queue(tables, connection, nobody)
    create_view(tables, connection)
    with pytest.raises(WarehouseError, match="already exists"):
        create_queue(tables, connection, nobody)
    with pytest.raises(WarehouseError, match="115"):
        create_queue(tables, connection, nobody, ", kafka_colour = 'red'")
    assert consumer_threads() == ["kafka-queue-0"]


def test_broker_that_does_not_answer_is_visible_and_delays_no_drop(
    tables: KafkaTables, connection: EngineConnection, nobody: str
) -> None:
    create_queue(tables, connection, nobody)
    create_view(tables, connection)
    deadline = time.monotonic() + 60
    shown = b""
    while b"_TRANSPORT" not in shown:
        assert time.monotonic() < deadline, shown
        tables.refresh_consumers()
        shown = connection.execute("SELECT exceptions.text FROM system.kafka_consumers")
    started = time.monotonic()
    run(tables, connection, "DROP TABLE k2.queue")
    assert time.monotonic() - started < 5
    assert consumer_threads() == []


def test_consumers_start_again_from_the_data_directory(
    engine: Engine, tables: KafkaTables, connection: EngineConnection, nobody: str
) -> None:
    create_queue(tables, connection, nobody)
    create_view(tables, connection)
    tables.close()
    assert consumer_threads() == []
    again = KafkaTables(connect=engine.connect)
    again.start()
    try:
        assert consumer_threads() == ["kafka-queue-0"]
    finally:
        again.close()


def test_system_kafka_consumers_has_the_columns_of_clickhouse(
    tmp_path: Path, tables: KafkaTables, connection: EngineConnection
) -> None:
    """The reference is the engine's own table, as it stood before ours took its place."""
    tables.refresh_consumers()
    assert connection.execute("SELECT count() FROM system.kafka_consumers") == b"0\n"
    described = connection.execute("DESCRIBE system.kafka_consumers").decode().splitlines()
    assert [tuple(line.split("\t")[:2]) for line in described] == [
        ("database", "String"),
        ("table", "String"),
        ("consumer_id", "String"),
        ("assignments.topic", "Array(String)"),
        ("assignments.partition_id", "Array(Int32)"),
        ("assignments.current_offset", "Array(Int64)"),
        ("assignments.intent_size", "Array(Nullable(Int64))"),
        ("exceptions.time", "Array(DateTime)"),
        ("exceptions.text", "Array(String)"),
        ("last_poll_time", "DateTime"),
        ("num_messages_read", "UInt64"),
        ("last_commit_time", "DateTime"),
        ("num_commits", "UInt64"),
        ("last_rebalance_time", "DateTime"),
        ("num_rebalance_revocations", "UInt64"),
        ("num_rebalance_assignments", "UInt64"),
        ("is_currently_used", "UInt8"),
        ("last_used", "DateTime64(6)"),
        ("rdkafka_stat", "String"),
        ("dependencies", "Array(Array(String))"),
        ("missing_dependencies", "Array(Array(String))"),
    ]
