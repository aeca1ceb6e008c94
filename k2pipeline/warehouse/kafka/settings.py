"""Settings of `ENGINE = Kafka`: their names, types, limits and defaults, as ClickHouse has them.

Wrong values raise the error that ClickHouse raises (same code, same name); what ClickHouse can do and the
embedded warehouse cannot is refused with code 36, BAD_ARGUMENTS, and the way out. Nothing is ignored
silently: a setting is honoured, or has no effect on RawBLOB messages that are only read (`_WITHOUT_EFFECT`).

Source: https://clickhouse.com/docs/engines/table-engines/integrations/kafka (read 2026-11-23).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from k2pipeline.warehouse.errors import WarehouseError

Value = str | int | bool

# How long a fetch waits for more. Every fetch makes Tansu list all batches of the partition: with less it would do
# nothing else.
FETCH_WAIT_MS = 100

REQUIRED = ("kafka_broker_list", "kafka_topic_list", "kafka_group_name", "kafka_format")

# Order of the arguments in Kafka('brokers', 'topics', ..); the fifth was the row delimiter, without use now.
ARGUMENTS = (
    *REQUIRED,
    None,
    "kafka_schema",
    "kafka_num_consumers",
    "kafka_max_block_size",
    "kafka_skip_broken_messages",
    "kafka_commit_every_batch",
    "kafka_client_id",
    "kafka_poll_timeout_ms",
    "kafka_flush_interval_ms",
    "kafka_thread_per_consumer",
    "kafka_handle_error_mode",
    "kafka_commit_on_select",
    "kafka_max_rows_per_message",
)

_HONOURED: dict[str, type] = {
    "kafka_broker_list": str,
    "kafka_topic_list": str,
    "kafka_group_name": str,
    "kafka_format": str,
    "kafka_num_consumers": int,
    "kafka_thread_per_consumer": bool,
    "kafka_max_block_size": int,
    "kafka_poll_max_batch_size": int,
    "kafka_poll_timeout_ms": int,
    "kafka_flush_interval_ms": int,
    "kafka_consumer_reschedule_ms": int,
    "kafka_client_id": str,
    "kafka_handle_error_mode": str,
    "kafka_security_protocol": str,
    "kafka_sasl_mechanism": str,
    "kafka_sasl_username": str,
    "kafka_sasl_password": str,
}
# They steer parsing (a RawBLOB is never broken), producing, or SELECT from the queue; offsets are committed
# after each insert, so kafka_commit_every_batch has nothing left to ask for.
_WITHOUT_EFFECT: dict[str, type] = {
    "kafka_skip_broken_messages": int,
    "kafka_commit_every_batch": bool,
    "kafka_commit_on_select": bool,
    "kafka_max_rows_per_message": int,
    "kafka_consumers_pool_ttl_ms": int,
    "kafka_consumer_acquire_timeout_ms": int,
    "kafka_compression_codec": str,
    "kafka_compression_level": int,
    "kafka_map_virtual_columns_on_write": bool,
    "kafka_row_delimiter": str,
}
_REFUSED: dict[str, type] = {
    "kafka_schema": str,
    "kafka_schema_registry_skip_bytes": int,
    "kafka_keeper_path": str,
    "kafka_replica_name": str,
    "kafka_partition_shard_num": str,
    "kafka_shard_count": int,
    "kafka_aws_region": str,
    "kafka_autodetect_client_rack": str,
}
_TYPES = _HONOURED | _WITHOUT_EFFECT | _REFUSED
_SECURITY = {
    "kafka_security_protocol": "security.protocol",
    "kafka_sasl_mechanism": "sasl.mechanism",
    "kafka_sasl_username": "sasl.username",
    "kafka_sasl_password": "sasl.password",
}
_ERROR_MODES = ("dead_letter_queue", "stream", "default")
_UINT64_MAX = 2**64 - 1
# ClickHouse's own limit: cores or 16, whichever is more.
_MAX_CONSUMERS = max(os.cpu_count() or 1, 16)


def bad_argument(message: str) -> WarehouseError:
    return WarehouseError(36, "BAD_ARGUMENTS", message)


@dataclass(frozen=True)
class KafkaSettings:
    """What a Kafka table consumes and how; sizes in messages, times in milliseconds.

    Defaults are ClickHouse's own (max_insert_block_size, max_block_size, stream_poll_timeout_ms,
    stream_flush_interval_ms).
    """

    broker_list: str
    topics: tuple[str, ...]
    group_name: str
    num_consumers: int = 1
    thread_per_consumer: bool = False
    max_block_size: int = 1_048_449
    poll_max_batch_size: int = 65_409
    poll_timeout_ms: int = 500
    flush_interval_ms: int = 7_500
    consumer_reschedule_ms: int = 500
    client_id: str = ""
    handle_error_mode: str = "default"
    security: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def consumer_threads(self) -> int:
        """How many consumers insert on their own.

        Without kafka_thread_per_consumer, ClickHouse squashes the rows of all consumers into one block; here
        one consumer reads every partition, which is the same to every view.
        """
        return self.num_consumers if self.thread_per_consumer else 1


def parse_value(name: str, value: Value | float) -> Value:
    """The value of one setting in its own type.

    Raises WarehouseError: 115 UNKNOWN_SETTING, 27 and 467 for text that does not parse, 70 for a number out
    of range, 170 for a number where text belongs.
    """
    kind = _TYPES.get(name)
    if kind is None:
        hint = ""
        if name.startswith(("format_", "input_format_", "output_format_")):
            hint = " (format settings do not apply to kafka_format = 'RawBLOB')"
        raise WarehouseError(115, "UNKNOWN_SETTING", f"Unknown setting '{name}': for storage Kafka{hint}")
    if kind is str:
        return _text(value)
    if kind is bool:
        return _flag(value)
    return _count(value, signed=name == "kafka_compression_level")


def _text(value: Value | float) -> str:
    if not isinstance(value, str):
        held = "Float64" if isinstance(value, float) else "Int64" if value < 0 else "UInt64"
        raise WarehouseError(170, "BAD_GET", f"Bad get: has {held}, requested String")
    return value


def _count(value: Value | float, *, signed: bool) -> int:
    if isinstance(value, str):
        digits = value.removeprefix("-") if signed else value
        if not (digits.isascii() and digits.isdigit()):
            message = f"Cannot parse input: expected 'eof' before: '{value.lstrip('0123456789')}'"
            raise WarehouseError(27, "CANNOT_PARSE_INPUT_ASSERTION_FAILED", message)
        # By its length first: Python refuses to read thousands of digits.
        number: float = int(value) if len(digits.lstrip("0")) <= len(str(_UINT64_MAX)) else float("inf")
    else:
        number = value
    if number > _UINT64_MAX or (number < 0 and not signed):
        shown = str(value)[:40]
        raise WarehouseError(70, "CANNOT_CONVERT_TYPE", f"Field value {shown} is out of range of unsigned long type")
    return int(number)


def _flag(value: Value | float) -> bool:
    if isinstance(value, str):
        if value.lower() not in ("true", "false", "1", "0"):
            raise WarehouseError(467, "CANNOT_PARSE_BOOL", f"Cannot parse bool from string '{value}'")
        return value.lower() in ("true", "1")
    if value not in (0, 1):
        raise WarehouseError(70, "CANNOT_CONVERT_TYPE", f"Field value {value} is out of range of bool type")
    return bool(value)


def check_settings(values: Mapping[str, Value]) -> None:
    """Check the values that a new table sets, as `parse_value` gave them.

    Raises WarehouseError: 42 for a missing one of the four required, 36 for a value that cannot work.
    """
    for name in REQUIRED:
        if name not in values:
            message = f"Required parameter '{name}' for storage Kafka not specified"
            raise WarehouseError(42, "NUMBER_OF_ARGUMENTS_DOESNT_MATCH", message)
    _check_limits(values)
    _check_supported(values)


def settings_from(values: Mapping[str, Value]) -> KafkaSettings:
    """Complete values that were checked when the table was made: its limits are not this machine's, perhaps."""
    # ClickHouse's own manual writes 0 for "the server's default" of these two.
    unset = {name for name in ("kafka_poll_timeout_ms", "kafka_flush_interval_ms") if not values.get(name)}
    plain = {name.removeprefix("kafka_"): values[name] for name in values.keys() & _HONOURED.keys() - unset}
    del plain["format"], plain["topic_list"]
    security = tuple(
        (option, str(plain.pop(name.removeprefix("kafka_")))) for name, option in _SECURITY.items() if name in values
    )
    return KafkaSettings(topics=_topics(str(values["kafka_topic_list"])), security=security, **plain)  # type: ignore[arg-type]


def _topics(topic_list: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(topic.strip() for topic in topic_list.split(",")))


def _check_limits(values: Mapping[str, Value]) -> None:
    consumers = int(values.get("kafka_num_consumers", 1))
    if consumers > _MAX_CONSUMERS:
        raise bad_argument(
            f"The number of consumers can not be bigger than {_MAX_CONSUMERS}. "
            "A single consumer can read any number of partitions"
        )
    if consumers < 1:
        raise bad_argument("Number of consumers can not be lower than 1")
    for name in ("kafka_max_block_size", "kafka_poll_max_batch_size"):
        if int(values.get(name, 1)) < 1:
            raise bad_argument(f"{name} can not be lower than 1")
    pool_ttl_ms = int(values.get("kafka_consumers_pool_ttl_ms", 60_000))
    reschedule_ms = int(values.get("kafka_consumer_reschedule_ms", 500))
    if pool_ttl_ms < reschedule_ms:
        raise bad_argument(
            f"The value of 'kafka_consumers_pool_ttl_ms' ({pool_ttl_ms}) cannot be less than "
            f"'kafka_consumer_reschedule_ms' ({reschedule_ms})"
        )
    mode = values.get("kafka_handle_error_mode", "default")
    if mode not in _ERROR_MODES:
        known = ", ".join(f"'{known}'" for known in _ERROR_MODES)
        raise bad_argument(f"Unexpected value of StreamingHandleErrorMode: '{mode}'. Must be one of [{known}]")


def _check_supported(values: Mapping[str, Value]) -> None:
    if values["kafka_format"] != "RawBLOB":
        raise bad_argument(
            f"The embedded warehouse reads kafka_format = 'RawBLOB' only, not '{values['kafka_format']}': "
            "take each message as one String column and parse it in the materialized view, or use a server"
        )
    if values.get("kafka_handle_error_mode") == "dead_letter_queue":
        raise bad_argument(
            "The embedded warehouse has no system.dead_letter_queue; a RawBLOB message is never broken, so "
            "kafka_handle_error_mode = 'default' keeps every one"
        )
    for name in _REFUSED:
        if values.get(name):
            raise bad_argument(f"The embedded warehouse does not support {name}; remove it or use a ClickHouse server")
    for name in REQUIRED:
        if not values[name]:
            raise bad_argument(f"{name} is empty; the embedded warehouse has no configuration file to take it from")
        if "{" in str(values[name]):
            raise bad_argument(f"The embedded warehouse has no macros: {name} = '{values[name]}'; write the value out")
    if not all(_topics(str(values["kafka_topic_list"]))):
        raise bad_argument(f"kafka_topic_list = '{values['kafka_topic_list']}' names an empty topic")
