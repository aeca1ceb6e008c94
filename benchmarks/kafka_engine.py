"""How fast one Kafka table of the embedded warehouse takes messages from its topic.

    python benchmarks/kafka_engine.py            # a minute at most; --messages 100000 for a quick look

The same topic, messages of a trade's size with two headers, is read three times in one run:

    bound       confluent_kafka's consume() alone, with the engine's client options: nothing is made of them
    null        ENGINE = Kafka with a view into ENGINE = Null: consumed, made Arrow, inserted, committed
    merge tree  ENGINE = Kafka with a view into a MergeTree ordered by (topic, partition, offset)

Printed for each: messages/s until the last offset is committed, and the ratio to the bound of the same run.
Broker, warehouse and this program share the machine's cores.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from k2pipeline.stack import Stack, start_stack
from k2pipeline.warehouse.kafka.consumer import CLIENT_OPTIONS

TOPIC = "benchmark.frames"
FRAME = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,'
    b'"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}'
)
HEADERS: list[tuple[str, str | bytes | None]] = [("recv_ns", b"1723161255343000123"), ("conn", b"binance-1")]
TARGETS = {"null": "Null", "merge tree": "MergeTree ORDER BY (topic, number, position)"}
LIMIT_S = 120.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=500_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--block", type=int, default=65_536, help="kafka_max_block_size")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as workdir,
        start_stack("embedded", workdir=Path(workdir)) as stack,
    ):
        stack.create_topics([TOPIC], options.partitions)
        produce(stack, options.messages, options.partitions)
        bound = consume(stack, options.messages, options.partitions)
        print(f"{'bound':<12} {bound:>10,.0f} messages/s")
        for name, engine in TARGETS.items():
            rate = through_table(stack, engine, options.messages, options.partitions, options.block)
            print(f"{name:<12} {rate:>10,.0f} messages/s   {rate / bound:.2f} of the bound")


def produce(stack: Stack, messages: int, partitions: int) -> None:
    producer = Producer(
        {"bootstrap.servers": stack.bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 1_000_000}
    )
    for number in range(messages):
        producer.produce(TOPIC, FRAME, key=b"BTCUSDT", partition=number % partitions, headers=HEADERS)
        if number % 1_000 == 0:
            producer.poll(0)
    if producer.flush(LIMIT_S):
        raise SystemExit("the broker did not take the messages in time")


def client(stack: Stack, group: str) -> Consumer:
    return Consumer({**CLIENT_OPTIONS, "bootstrap.servers": stack.bootstrap, "group.id": group})


def consume(stack: Stack, messages: int, partitions: int, topic: str = TOPIC) -> float:
    """Messages per second, of which nothing is made."""
    consumer = client(stack, "bound")
    started = time.perf_counter()
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(partitions)])
    seen = 0
    while seen < messages and time.perf_counter() - started < LIMIT_S:
        seen += len(consumer.consume(500, 0.1))
    took_s = time.perf_counter() - started
    consumer.close()
    return seen / took_s


def through_table(stack: Stack, engine: str, messages: int, partitions: int, block: int, topic: str = TOPIC) -> float:
    """Messages per second from the view's creation, which starts the consumer, to the last commit."""
    group = engine.split()[0]
    with stack.warehouse.client(database="default") as warehouse:
        warehouse.command("CREATE DATABASE benchmark")
        warehouse.command(
            "CREATE TABLE benchmark.queue (message String) ENGINE = Kafka "
            f"SETTINGS kafka_broker_list = '{stack.bootstrap}', kafka_topic_list = '{topic}', "
            f"kafka_group_name = '{group}', kafka_format = 'RawBLOB', kafka_max_block_size = {block}, "
            "kafka_flush_interval_ms = 100"
        )
        warehouse.command(
            "CREATE TABLE benchmark.target (message String, topic LowCardinality(String), number UInt64, "
            f"position UInt64, recv_ns String) ENGINE = {engine}"
        )
        started = time.perf_counter()
        warehouse.command(
            "CREATE MATERIALIZED VIEW benchmark.view TO benchmark.target AS SELECT message, _topic AS topic, "
            "_partition AS number, _offset AS position, "
            "_headers.value[indexOf(_headers.name, 'recv_ns')] AS recv_ns FROM benchmark.queue"
        )
        wait_until_committed(stack, group, messages, partitions, topic)
        took_s = time.perf_counter() - started
        warehouse.command("DROP DATABASE benchmark")
    return messages / took_s


def wait_until_committed(stack: Stack, group: str, messages: int, partitions: int, topic: str = TOPIC) -> None:
    """Return when the group has committed so many messages; SystemExit if that takes too long."""
    consumer = client(stack, group)
    wanted = [TopicPartition(topic, number) for number in range(partitions)]
    deadline = time.perf_counter() + LIMIT_S
    while sum(max(each.offset, 0) for each in consumer.committed(wanted, timeout=5)) < messages:
        if time.perf_counter() > deadline:
            raise SystemExit(f"not all of {messages:,} messages were committed within {LIMIT_S:g} s")
        time.sleep(0.02)
    consumer.close()


if __name__ == "__main__":
    main()
