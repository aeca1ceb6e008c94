from __future__ import annotations

import json
import re

import pytest

from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.kafka.ddl import definition_in, rewrite_create

SETTINGS = "kafka_broker_list = 'b:1', kafka_topic_list = 't', kafka_group_name = 'g', kafka_format = 'RawBLOB'"


def comment_in(statement: str) -> str:
    found = re.search(r"\"_topic\" .*? COMMENT '((?:[^'\\]|\\.|'')*)'", statement)
    assert found, statement
    return found[1].replace("''", "'").replace('\\"', '"').replace("\\\\", "\\")


def test_kafka_table_becomes_a_null_table_with_virtual_columns() -> None:
    rewritten = rewrite_create(f"CREATE TABLE k2.queue (message String) ENGINE = Kafka SETTINGS {SETTINGS}")
    assert rewritten is not None
    assert rewritten.startswith("CREATE TABLE k2.queue (message String, ")
    assert rewritten.endswith(") ENGINE=Null")
    columns = ["_topic", "_key", "_offset", "_partition", "_timestamp", "_timestamp_ms"]
    columns += ["_headers.name", "_headers.value"]
    positions = [rewritten.index(f'"{column}" ') for column in columns]
    assert positions == sorted(positions)
    assert "_raw_message" not in rewritten


def test_settings_travel_in_the_comment_of_topic() -> None:
    group = 'it\'s "quoted" \\ and ünïcode'
    literal = group.replace("\\", "\\\\").replace("'", "''")
    rewritten = rewrite_create(
        f"CREATE TABLE q (frame String) ENGINE = Kafka('b:1,b:2', 't1, t2', '{literal}', 'RawBLOB')"
        " SETTINGS kafka_num_consumers = 3, kafka_thread_per_consumer = 1, kafka_flush_interval_ms = 250"
    )
    assert rewritten is not None
    definition = definition_in(comment_in(rewritten))
    assert definition is not None
    assert definition.message_column == "frame"
    settings = definition.settings
    assert settings.broker_list == "b:1,b:2"
    assert settings.topics == ("t1", "t2")
    assert settings.group_name == group
    assert settings.consumer_threads == 3
    assert settings.flush_interval_ms == 250


@pytest.mark.parametrize(
    "head",
    [
        "CREATE TABLE IF NOT EXISTS k2.q",
        "CREATE OR REPLACE TABLE k2.q",
        "CREATE TABLE {db:Identifier}.q",
        "/* a comment */ create\ntable `k2`.`a b`",
        "-- a comment\nCREATE TABLE k2.q UUID '6b1b1b1b-0000-4000-8000-000000000000'",
    ],
)
@pytest.mark.parametrize("engine", ["ENGINE = Kafka()", "engine=kafka", "ENGINE Kafka", "ENGINE = `Kafka`"])
def test_every_way_to_write_it_is_recognised(head: str, engine: str) -> None:
    rewritten = rewrite_create(f"{head} (message String) {engine} SETTINGS {SETTINGS};")
    assert rewritten is not None
    assert "ENGINE=Null" in rewritten
    assert "SETTINGS" not in rewritten


def test_attach_with_a_full_definition_stays_an_attach() -> None:
    rewritten = rewrite_create(
        "ATTACH TABLE k2.q UUID '6b1b1b1b-0000-4000-8000-000000000000' (message String) "
        f"ENGINE = Kafka SETTINGS {SETTINGS}"
    )
    assert rewritten is not None
    assert rewritten.startswith("ATTACH TABLE k2.q UUID '6b1b1b1b-0000-4000-8000-000000000000' (message String, ")


def test_comments_of_table_and_column_and_aliases_stay() -> None:
    rewritten = rewrite_create(
        "CREATE TABLE q (message String COMMENT 'the frame', size UInt64 ALIAS length(message)) "
        f"ENGINE = Kafka SETTINGS {SETTINGS} COMMENT 'frames as received'"
    )
    assert rewritten is not None
    assert "message String COMMENT 'the frame', size UInt64 ALIAS " in rewritten
    assert rewritten.endswith("COMMENT 'frames as received'")


def test_error_mode_stream_adds_its_two_columns() -> None:
    rewritten = rewrite_create(
        f"CREATE TABLE q (message String) ENGINE = Kafka SETTINGS {SETTINGS}, kafka_handle_error_mode = 'stream'"
    )
    assert rewritten is not None
    assert '"_raw_message" String' in rewritten
    assert '"_error" String' in rewritten


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE q (message String) ENGINE = MergeTree ORDER BY message",
        "CREATE TABLE q (note String DEFAULT 'ENGINE = Kafka') ENGINE = Memory",
        "CREATE TABLE q (a String) ENGINE = Memory COMMENT 'not ENGINE = Kafka'",
        "CREATE VIEW v AS SELECT name FROM system.tables WHERE engine = 'Kafka'",
        "CREATE MATERIALIZED VIEW v TO t AS SELECT message FROM kafka_engine",
        "SELECT * FROM system.tables WHERE engine = 'Kafka'",
        "INSERT INTO notes VALUES ('CREATE TABLE q ENGINE = Kafka')",
        "DROP TABLE kafka_engine",
        "CREATE VIEW v AS SELECT engine kafka FROM system.tables",
        "CREATE TABLE t ENGINE = Memory AS SELECT engine kafka FROM system.tables",
        "ATTACH TABLE k2.queue",
        "CREATE TABLE 'unclosed engine kafka",
        "",
    ],
)
def test_other_statements_are_left_alone(statement: str) -> None:
    assert rewrite_create(statement) is None


@pytest.mark.parametrize(
    ("statement", "code", "words"),
    [
        (f"CREATE TEMPORARY TABLE q (message String) ENGINE = Kafka SETTINGS {SETTINGS}", 36, "TEMPORARY"),
        (
            f"CREATE TABLE q (message String) ENGINE = Kafka ORDER BY message SETTINGS {SETTINGS}",
            36,
            "ORDER BY",
        ),
        (
            "CREATE TABLE q (message String) ENGINE = Kafka(collection, kafka_format = 'RawBLOB')",
            36,
            "collection",
        ),
        (
            "CREATE TABLE q (message String) ENGINE = Kafka('b', concat('t', '1'), 'g', 'RawBLOB')",
            36,
            "CONCAT",
        ),
        (
            f"CREATE TABLE q (message String, size UInt64) ENGINE = Kafka SETTINGS {SETTINGS}",
            36,
            "size UInt64",
        ),
        (f"CREATE TABLE q (message Int32) ENGINE = Kafka SETTINGS {SETTINGS}", 36, "message Int32"),
        (f"CREATE TABLE q (message String DEFAULT 'x') ENGINE = Kafka SETTINGS {SETTINGS}", 36, "DEFAULT"),
        (
            f"CREATE TABLE q (m String, l String MATERIALIZED m) ENGINE = Kafka SETTINGS {SETTINGS}",
            36,
            "MATERIAL",
        ),
        (
            f"CREATE TABLE q (m String, e String EPHEMERAL) ENGINE = Kafka SETTINGS {SETTINGS}",
            36,
            "EPHEMERAL",
        ),
        (
            f"CREATE TABLE q (m String, INDEX i m TYPE minmax) ENGINE = Kafka SETTINGS {SETTINGS}",
            36,
            "indices",
        ),
        (f"CREATE TABLE q ENGINE = Kafka SETTINGS {SETTINGS}", 48, "CREATE [OR REPLACE] TABLE"),
        ("CREATE TABLE q AS other ENGINE = Kafka('b', 't', 'g', 'RawBLOB')", 48, "CREATE TABLE q AS other"),
        ("CREATE TABLE q (m String) ENGINE = Kafka('b', 't', 'g', 'RawBLOB') AS SELECT 'x'", 48, "AS SELECT"),
        ("CREATE MATERIALIZED VIEW v ENGINE = Kafka('b', 't', 'g', 'RawBLOB') AS SELECT 'x'", 48, "VIEW"),
        (f"REPLACE TABLE q (message String) ENGINE = Kafka SETTINGS {SETTINGS}", 48, "REPLACE TABLE"),
    ],
)
def test_what_only_a_server_can_do_is_refused_by_name(statement: str, code: int, words: str) -> None:
    with pytest.raises(WarehouseError) as refused:
        rewrite_create(statement)
    assert refused.value.code == code
    assert words in refused.value.message


@pytest.mark.parametrize("comment", ["", "frames as received", '{"other": 1}', json.dumps({"x": "kafka"})])
def test_other_comments_define_nothing(comment: str) -> None:
    assert definition_in(comment) is None
