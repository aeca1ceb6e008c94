"""Topics, created over the Kafka protocol: the same on every broker."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from k2pipeline.broker_security import broker_settings, require_usable
from k2pipeline.stack.base import StackError

_LOG = logging.getLogger("k2.stack.broker")
_ANSWER_S = 10.0
# Brokers that are rented may not let their users choose.
_LIMIT_REFUSED = (KafkaError.INVALID_CONFIG, KafkaError.POLICY_VIOLATION)
LARGEST_MESSAGE_BYTES = 32 * 1024 * 1024
"""More than the longest frame that a feed handler takes; brokers' own limit is mostly 1 MiB."""
_REFUSALS: Final = (KafkaError._AUTHENTICATION, KafkaError._SSL)


def admin_client(bootstrap: str, errors: Callable[[KafkaError], None] = lambda _: None) -> AdminClient:
    """errors: told of what goes wrong on the way to the broker, when the client is polled."""
    settings: dict[str, Any] = {**broker_settings(bootstrap), "socket.timeout.ms": 10_000, "error_cb": errors}
    return AdminClient(settings, logger=_LOG)


def topic_partitions(bootstrap: str) -> dict[str, int]:
    """Every topic with its number of partitions. Raises StackError when no broker answers.

    All topics are listed, because Tansu creates a topic that is asked for by name.
    """
    require_usable(bootstrap)
    told: list[KafkaError] = []
    client = admin_client(bootstrap, told.append)
    try:
        topics = client.list_topics(timeout=_ANSWER_S).topics
    except KafkaException as error:
        client.poll(0)
        refused = next((each for each in told if each.code() in _REFUSALS), None)
        if refused:
            raise StackError(
                f"the Kafka broker at {bootstrap} refuses us ({refused.str()}); correct K2_KAFKA_*"
            ) from error
        raise StackError(
            f"no Kafka broker answers at {bootstrap} ({error.args[0].str()}); start it or correct the address"
        ) from error
    return {name: len(topic.partitions) for name, topic in topics.items()}


def create_topics(bootstrap: str, names: Iterable[str], partitions: int) -> None:
    """Create the topics that do not exist, and wait until the broker lists them all.

    Raises StackError when one exists with another number of partitions: a replay into it would not repeat.
    """
    wanted = list(dict.fromkeys(names))
    existing = topic_partitions(bootstrap)
    for name in wanted:
        if existing.get(name, partitions) != partitions:
            raise StackError(
                f"topic {name} at {bootstrap} has {existing[name]} partitions, not {partitions}; "
                f"delete it, or ask for {existing[name]}"
            )
    limit = {"max.message.bytes": str(LARGEST_MESSAGE_BYTES)}
    missing = [NewTopic(name, num_partitions=partitions, config=limit) for name in wanted if name not in existing]
    if missing:
        _create(bootstrap, missing)
    _wait_until_listed(bootstrap, set(wanted))


def _create(bootstrap: str, topics: list[NewTopic]) -> None:
    client = admin_client(bootstrap)
    for name, answer in client.create_topics(topics, request_timeout=_ANSWER_S).items():
        try:
            answer.result(_ANSWER_S)
        except KafkaException as error:
            if error.args[0].code() in _LIMIT_REFUSED and topics[0].config:
                _LOG.warning("%s: the broker keeps its own max.message.bytes (%s)", name, error.args[0].str())
                _create(bootstrap, [NewTopic(name, num_partitions=topics[0].num_partitions)])
                continue
            raise StackError(f"topic {name} at {bootstrap}: {error.args[0].str()}") from error


def _wait_until_listed(bootstrap: str, names: set[str]) -> None:
    deadline = time.monotonic() + _ANSWER_S
    while missing := names - topic_partitions(bootstrap).keys():
        if time.monotonic() > deadline:
            raise StackError(f"{bootstrap} created {sorted(missing)} but does not list them after {_ANSWER_S:g} s")
        time.sleep(0.02)
