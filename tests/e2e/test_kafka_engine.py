"""The embedded warehouse's ENGINE = Kafka, through a real broker and the warehouse's own process.

Verified: what a ClickHouse server does with the same statements, and that no message is lost at any of the
points where one could be. Not verified: throughput (benchmarks/kafka_engine.py), other brokers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from k2pipeline.stack import Stack, start_stack
from tests.e2e.rig import Rig, rig_on, wait_for

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def stack(k2_stack_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with start_stack(k2_stack_name, workdir=tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def rig(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Rig]:
    with rig_on(stack, request.node.originalname) as rig:
        yield rig


def test_virtual_columns_arrive_with_types_and_values(rig: Rig) -> None:
    rig.stack.create_topics([rig.topic], 1)
    virtual = ["_topic", "_key", "_offset", "_partition", "_timestamp", "_timestamp_ms"]
    virtual += ["_headers.name", "_headers.value"]
    types = ", ".join(f"toTypeName({column})" for column in virtual)
    rig.sql(f"""CREATE TABLE {rig.database}.target (message String, topic String, key String, position UInt64,
        number UInt64, time DateTime, time_ms DateTime64(3), names Array(String), values Array(String),
        types Array(String)) ENGINE = MergeTree ORDER BY position""")
    rig.create_queue()
    rig.create_view(f"""message, _topic AS topic, _key AS key, _offset AS position, _partition AS number,
        assumeNotNull(_timestamp) AS time, assumeNotNull(_timestamp_ms) AS time_ms, _headers.name AS names,
        _headers.value AS values, [{types}] AS types""")
    headers = [("recv_ns", b"1700000000123456789"), ("conn", b"c-\xff"), ("none", None)]
    rig.produce([b'{"a":"\xff\x00"}'], key=b"BTCUSDT", timestamp=1_700_000_000_123, headers=headers)
    rig.produce([b"bare"], timestamp=1_700_000_000_999)
    wait_for(lambda: rig.sql(f"SELECT count() FROM {rig.database}.target") == 2, "two rows")
    first, second = rig.rows(f"""SELECT hex(message), topic, key, position, number, toUnixTimestamp(time),
        toUnixTimestamp64Milli(time_ms), names, arrayMap(x -> hex(x), values), types
        FROM {rig.database}.target ORDER BY position""")
    assert first[0] == b'{"a":"\xff\x00"}'.hex().upper()
    assert first[1:7] == (rig.topic, "BTCUSDT", 0, 0, 1_700_000_000, 1_700_000_000_123)
    assert first[7] == ["recv_ns", "conn", "none"]
    assert [bytes.fromhex(value) for value in first[8]] == [b"1700000000123456789", b"c-\xff", b""]
    assert first[9] == [
        "LowCardinality(String)",
        "String",
        "UInt64",
        "UInt64",
        "Nullable(DateTime)",
        "Nullable(DateTime64(3))",
        "Array(String)",
        "Array(String)",
    ]
    assert second[1:9] == (rig.topic, "", 1, 0, 1_700_000_000, 1_700_000_000_999, [], [])


def test_select_star_in_a_view_leaves_virtual_columns_out(rig: Rig) -> None:
    rig.create_queue()
    rig.sql(f"""CREATE MATERIALIZED VIEW {rig.database}.view ENGINE = MergeTree ORDER BY message
        AS SELECT * FROM {rig.database}.queue""")
    assert [row[0] for row in rig.rows(f"DESCRIBE {rig.database}.view")] == ["message"]


def test_offsets_are_committed_after_the_insert_and_counted(rig: Rig) -> None:
    rig.create_pipeline(partitions=2)
    rig.produce([b"frame"] * 100, partitions=2)
    rig.wait_for_rows(100)
    wait_for(lambda: rig.committed(partitions=2) == [50, 50], "offsets 50, 50 committed")
    (consumer,) = rig.consumers()
    assert consumer["table"] == "queue"
    assert consumer["num_messages_read"] == 100
    assert consumer["num_commits"] >= 1
    assert consumer["assignments.topic"] == [rig.topic, rig.topic]
    assert consumer["assignments.partition_id"] == [0, 1]
    assert consumer["assignments.current_offset"] == [50, 50]
    assert consumer["is_currently_used"] == 1
    assert [text for text in consumer["exceptions.text"] if "_TIMED_OUT" not in text] == []  # a slow broker is none


def test_one_block_is_one_insert_of_at_most_max_block_size_messages(rig: Rig) -> None:
    rig.stack.create_topics([rig.topic], 1)
    rig.sql(f"CREATE TABLE {rig.database}.target (rows UInt64, total UInt64) ENGINE = MergeTree ORDER BY rows")
    rig.produce([b"frame"] * 1_000)
    rig.create_queue(kafka_max_block_size=300, kafka_flush_interval_ms=500)
    rig.create_view("any(blockSize()) AS rows, count() AS total")
    wait_for(lambda: rig.sql(f"SELECT sum(total) FROM {rig.database}.target") == 1_000, "all messages")
    assert rig.rows(f"SELECT rows, total FROM {rig.database}.target ORDER BY rows DESC") == [
        (300, 300),
        (300, 300),
        (300, 300),
        (100, 100),
    ]


def test_what_arrives_during_an_insert_is_the_next_block(rig: Rig) -> None:
    rig.stack.create_topics([rig.topic], 1)
    rig.sql(f"CREATE TABLE {rig.database}.target (rows UInt64, slept UInt8) ENGINE = MergeTree ORDER BY rows")
    rig.create_queue(kafka_flush_interval_ms=50)
    rig.create_view("any(blockSize()) AS rows, sleep(3) AS slept")
    rig.produce([b"first"])
    wait_for(lambda: rig.consumers()[0]["num_messages_read"] == 1, "the first message taken")
    under_way = f"SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO `{rig.database}`.`queue`%'"
    wait_for(lambda: rig.sql(under_way) == 1, "the insert under way")
    for count in (6, 11):
        rig.produce([b"meanwhile"] * 5)
        wait_for(lambda count=count: rig.consumers()[0]["num_messages_read"] == count, "taken during the insert")
    wait_for(lambda: rig.rows(f"SELECT rows FROM {rig.database}.target ORDER BY rows") == [(1,), (10,)], "two blocks")
    wait_for(lambda: rig.committed(partitions=1) == [11], "both committed")


def test_killed_warehouse_loses_nothing_and_redelivers_the_same_offsets(rig: Rig) -> None:
    rig.create_pipeline(partitions=2, kafka_max_block_size=500)
    sent = [f"frame {number}".encode() for number in range(40_000)]
    rig.produce(sent, partitions=2)
    wait_for(lambda: rig.count() > 2_000, "consumption under way")
    rig.stack.kill("warehouse")
    rig.stack.restart("warehouse")
    before = rig.count()
    rig.wait_for_rows(len(sent), limit_s=120)
    assert before < len(sent), "the warehouse was killed too late to prove anything"
    assert rig.sql(f"SELECT uniqExact(number, position, message) FROM {rig.database}.target") == len(sent)
    ((lost,),) = rig.rows(f"""SELECT countIf(message != concat('frame ', toString(position * 2 + number)))
        FROM {rig.database}.target""")
    assert lost == 0


def test_restarted_warehouse_goes_on_from_the_committed_offset(rig: Rig) -> None:
    rig.create_pipeline()
    rig.produce([b"before"] * 500)
    wait_for(lambda: rig.committed() == [500], "offset 500 committed")
    rig.stack.restart("warehouse")
    rig.produce([b"after"] * 500)
    rig.wait_for_rows(1_000)
    assert rig.sql(f"SELECT count() FROM {rig.database}.target") == 1_000


def test_dropping_the_only_view_pauses_and_creating_it_resumes(rig: Rig) -> None:
    rig.create_pipeline()
    rig.produce([b"first"] * 10)
    rig.wait_for_rows(10)
    rig.sql(f"DROP VIEW {rig.database}.view")
    rig.produce([b"second"] * 10)
    (paused,) = rig.consumers()
    assert paused["is_currently_used"] == 0
    assert rig.committed() == [10]
    rig.create_view()
    rig.wait_for_rows(20)
    assert rig.sql(f"SELECT count() FROM {rig.database}.target") == 20


def test_queue_without_a_view_is_not_consumed(rig: Rig) -> None:
    rig.stack.create_topics([rig.topic], 1)
    rig.create_queue()
    rig.produce([b"frame"] * 10)
    (consumer,) = rig.consumers()
    assert (consumer["num_messages_read"], consumer["is_currently_used"]) == (0, 0)
    rig.create_target()
    rig.create_view()
    rig.wait_for_rows(10)


def test_detached_queue_stops_and_attached_queue_goes_on(rig: Rig) -> None:
    rig.create_pipeline()
    rig.produce([b"first"] * 10)
    rig.wait_for_rows(10)
    rig.sql(f"DETACH TABLE {rig.database}.queue")
    assert rig.consumers() == []
    rig.produce([b"second"] * 10)
    rig.sql(f"ATTACH TABLE {rig.database}.queue")
    rig.wait_for_rows(20)
    assert rig.sql(f"SELECT count() FROM {rig.database}.target") == 20


def test_renamed_queue_is_consumed_under_its_new_name(rig: Rig) -> None:
    rig.create_pipeline()
    rig.sql(f"DROP VIEW {rig.database}.view")
    rig.sql(f"RENAME TABLE {rig.database}.queue TO {rig.database}.`other queue`")
    rig.create_view(queue="`other queue`")
    rig.produce([b"frame"] * 10)
    rig.wait_for_rows(10)
    assert [consumer["table"] for consumer in rig.consumers()] == ["other queue"]


def test_dropped_queue_and_dropped_database_leave_no_consumer(rig: Rig) -> None:
    rig.create_pipeline()
    rig.sql(f"DROP TABLE {rig.database}.queue")
    assert rig.consumers() == []
    rig.create_queue()
    assert len(rig.consumers()) == 1
    rig.sql(f"DROP DATABASE {rig.database}")
    assert rig.consumers() == []


def test_consumers_share_the_partitions(rig: Rig) -> None:
    rig.create_pipeline(partitions=5, kafka_num_consumers=2, kafka_thread_per_consumer=1)
    rig.produce([b"frame"] * 1_000, partitions=5)
    rig.wait_for_rows(1_000)
    assert rig.sql(f"SELECT count() FROM {rig.database}.target") == 1_000
    shares = [consumer["assignments.partition_id"] for consumer in rig.consumers()]
    assert shares == [[0, 2, 4], [1, 3]]


def test_consumers_without_own_threads_make_one_block(rig: Rig) -> None:
    rig.create_pipeline(partitions=4, kafka_num_consumers=4)
    rig.produce([b"frame"] * 100, partitions=4)
    rig.wait_for_rows(100)
    (consumer,) = rig.consumers()
    assert consumer["assignments.partition_id"] == [0, 1, 2, 3]


def test_topic_created_after_the_table_is_consumed_when_it_appears(rig: Rig) -> None:
    rig.create_target()
    rig.create_queue()
    rig.create_view()
    wait_for(lambda: rig.consumers()[0]["last_poll_time"].year > 1970, "a first poll")
    rig.stack.create_topics([rig.topic], 3)
    rig.produce([b"frame"] * 30, partitions=3)
    rig.wait_for_rows(30)


def test_several_topics_in_one_queue(rig: Rig) -> None:
    other = f"{rig.topic}.other"
    rig.stack.create_topics([other], 2)
    rig.create_pipeline(kafka_topic_list=f"{rig.topic}, {other}")
    rig.produce([b"frame"] * 10)
    rig.topic = other
    rig.produce([b"frame"] * 10, partitions=2)
    rig.wait_for_rows(20)
    assert {row[0] for row in rig.rows(f"SELECT DISTINCT topic FROM {rig.database}.target")} == {
        other,
        other.removesuffix(".other"),
    }


def test_exception_in_a_view_stalls_loses_nothing_and_heals(rig: Rig) -> None:
    rig.create_pipeline()
    rig.sql(f"DROP VIEW {rig.database}.view")
    rig.create_view(
        "toString(throwIf(message = 'poison', 'no such frame')) AS message, _topic AS topic, "
        "_partition AS number, _offset AS position"
    )
    rig.produce([b"good", b"poison", b"good"])
    wait_for(lambda: rig.consumers()[0]["exceptions.text"] != [], "an exception in system.kafka_consumers")
    rig.produce([b"good"] * 7)
    assert "no such frame" in rig.consumers()[0]["exceptions.text"][-1]
    assert rig.committed() == [-1001]
    assert rig.count() == 0
    rig.sql(f"DROP VIEW {rig.database}.view")
    rig.create_view()
    rig.wait_for_rows(10)
    assert rig.sql(f"SELECT count() FROM {rig.database}.target") == 10


def test_missing_target_of_a_view_stalls_and_its_return_heals(rig: Rig) -> None:
    rig.create_pipeline()
    rig.sql(f"DROP TABLE {rig.database}.target")
    rig.produce([b"frame"] * 10)
    wait_for(lambda: rig.consumers()[0]["exceptions.text"] != [], "an exception in system.kafka_consumers")
    rig.create_target()
    rig.wait_for_rows(10)


def test_messages_without_bytes_make_no_row_but_are_passed(rig: Rig) -> None:
    rig.create_pipeline()
    rig.produce([b"frame", None, b"", b"frame", b""])
    rig.wait_for_rows(2)
    wait_for(lambda: rig.committed() == [5], "offset 5 committed")


def test_select_from_a_queue_is_refused(rig: Rig) -> None:
    rig.create_pipeline()
    queue, target = f"{rig.database}.queue", f"{rig.database}.target"
    for query in (f"SELECT count() FROM {queue}", f"INSERT INTO {target} (message) SELECT message FROM {queue}"):
        with pytest.raises(DatabaseError, match=r"Code: 620\."):
            rig.sql(query)


def test_insert_into_a_queue_is_refused(rig: Rig) -> None:
    rig.create_pipeline()
    with pytest.raises(DatabaseError, match="produce to its topic instead"):
        rig.sql(f"INSERT INTO {rig.database}.queue VALUES ('frame')")
    assert rig.count() == 0


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"kafka_colour": "red"}, 115),
        ({"kafka_num_consumers": 0}, 36),
        ({"kafka_num_consumers": "many"}, 27),
        ({"kafka_format": "JSONEachRow"}, 36),
        ({"kafka_topic_list": ""}, 36),
    ],
)
def test_wrong_settings_are_refused_and_leave_nothing_behind(rig: Rig, settings: dict[str, object], code: int) -> None:
    with pytest.raises(DatabaseError, match=rf"Code: {code}\."):
        rig.create_queue(**settings)
    assert rig.rows(f"SHOW TABLES FROM {rig.database}") == []
    assert rig.consumers() == []


def test_queue_is_replaced_with_new_settings(rig: Rig) -> None:
    rig.create_pipeline()
    rig.produce([b"frame"] * 10)
    rig.wait_for_rows(10)
    rig.sql(f"DROP VIEW {rig.database}.view")
    rig.sql(f"""CREATE OR REPLACE TABLE {rig.database}.queue (message String)
        ENGINE = Kafka('{rig.stack.bootstrap}', '{rig.topic}', '{rig.group}.second', RawBLOB)
        SETTINGS kafka_flush_interval_ms = 50""")
    rig.create_view()
    wait_for(lambda: rig.sql(f"SELECT count() FROM {rig.database}.target") == 20, "the topic once more")


@pytest.mark.usefixtures("forgetful_broker")
def test_broker_that_came_back_empty_is_read_from_its_start_with_a_warning(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with start_stack("embedded", workdir=tmp_path) as stack, rig_on(stack, "came_back_empty") as rig:
        rig.create_pipeline()
        rig.produce([b"lost with the broker"] * 100)
        wait_for(lambda: rig.committed() == [100], "offset 100 committed")
        stack.restart("broker")
        stack.create_topics([rig.topic], 1)
        rig.produce([b"new"] * 10)
        new = f"SELECT count() FROM {rig.database}.target WHERE message = 'new'"
        wait_for(lambda: rig.sql(new) == 10, "the new messages", limit_s=60)
        warnings = " ".join(rig.consumers()[0]["exceptions.text"])
        assert "reading it from its start" in warnings or "waiting for it" in warnings
        wait_for(lambda: rig.committed() == [10], "offset 10 committed")
