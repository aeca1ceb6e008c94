"""`k2 metrics` beside a stack: what Prometheus is told of messages in topics and rows in tables."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer
from prometheus_client.parser import text_string_to_metric_families

from k2pipeline.exchanges import EXCHANGES, TOPICS
from k2pipeline.schema import SchemaVariables, apply_schema
from k2pipeline.stack import Stack, start_stack
from tests.e2e.rig import wait_for

pytestmark = pytest.mark.e2e
FRAMES = 20
FRAME = (
    '{{"channel":"trade","type":"update","data":[{{"symbol":"BTC/USD","side":"sell","price":84095.70,"qty":0.5,'
    '"ord_type":"limit","trade_id":{},"timestamp":"2026-01-01T00:00:01.157776Z"}}]}}'
)


@contextmanager
def exporter(stack: Stack, password: str) -> Iterator[str]:
    """The process, its password in the environment alone; gives the address of its metrics."""
    command = [sys.executable, "-m", "k2pipeline.cli", "metrics", "--port", "0"]
    command += ["--clickhouse", f"{stack.warehouse.url}/k2", "--bootstrap", stack.bootstrap]
    environment = {**os.environ, "K2_CLICKHOUSE_PASSWORD": password}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            yield str(json.loads(process.stdout.readline())["metrics"])
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            assert password not in " ".join(command) + process.stderr.read()
        finally:
            process.kill()


def scrape(address: str) -> dict[tuple[str, str], float]:
    """Values by name and exchange, or part."""
    with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310  # our own, on loopback
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {
        (sample.name, sample.labels.get("exchange") or sample.labels.get("part", "")): sample.value
        for family in families
        for sample in family.samples
    }


def test_prometheus_sees_messages_wait_and_be_taken(tmp_path: Path, k2_stack_name: str) -> None:
    with start_stack(k2_stack_name, workdir=tmp_path) as stack:
        topic = EXCHANGES["kraken"].topic
        stack.create_topics(TOPICS, 2)
        with exporter(stack, stack.warehouse.password) as address:
            produce(stack, topic)
            lag = ("k2_consumer_lag_messages", "kraken")
            wait_for(lambda: scrape(address).get(lag) == FRAMES, "messages wait", 90)
            waiting = scrape(address)
            assert waiting["k2_up", "broker"] == waiting["k2_up", "warehouse"] == 1
            apply_schema(stack.warehouse, SchemaVariables(kafka_brokers=stack.warehouse_bootstrap))
            wait_for(lambda: scrape(address).get(lag) == 0, "no lag", 90)
            wait_for(lambda: scrape(address).get(("k2_silver_rows_total", "kraken")) == FRAMES, "rows counted", 90)
            done = scrape(address)
            assert done["k2_consumed_messages_total", "kraken"] == done["k2_topic_messages_total", "kraken"] == FRAMES
            assert done["k2_bronze_rows_total", "kraken"] == FRAMES
            assert done["k2_consumer_lag_messages", "dlq"] == 0


def produce(stack: Stack, topic: str) -> None:
    producer = Producer({"bootstrap.servers": stack.bootstrap, "linger.ms": 0})
    for number in range(FRAMES):
        producer.produce(topic, value=FRAME.format(number).encode(), key=b"BTC/USD", partition=number % 2)
        # Each in a batch of its own: of the newest, the embedded broker counts the first message alone.
        assert producer.flush(15) == 0
