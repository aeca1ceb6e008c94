from __future__ import annotations

import pytest

from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.kafka.settings import Value, check_settings, parse_value, settings_from

REQUIRED: dict[str, Value] = {
    "kafka_broker_list": "b:1",
    "kafka_topic_list": "t",
    "kafka_group_name": "g",
    "kafka_format": "RawBLOB",
}


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("kafka_num_consumers", 2, 2),
        ("kafka_num_consumers", "2", 2),
        ("kafka_num_consumers", 1.5, 1),
        ("kafka_thread_per_consumer", 1, True),
        ("kafka_thread_per_consumer", "false", False),
        ("kafka_group_name", "g", "g"),
        ("kafka_compression_level", -1, -1),
        ("kafka_compression_level", "-1", -1),
    ],
)
def test_value_is_read_in_its_own_type(name: str, given: Value | float, value: Value) -> None:
    read = parse_value(name, given)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("kafka_colour", "red", 115),
        ("input_format_allow_errors_num", 1, 115),
        ("kafka_num_consumers", "many", 27),
        ("kafka_num_consumers", "-1", 27),
        ("kafka_flush_interval_ms", -1, 70),
        ("kafka_flush_interval_ms", 2**64, 70),
        ("kafka_flush_interval_ms", 1e30, 70),
        ("kafka_flush_interval_ms", "9" * 5_000, 70),
        ("kafka_thread_per_consumer", 2, 70),
        ("kafka_thread_per_consumer", "maybe", 467),
        ("kafka_group_name", 5, 170),
    ],
)
def test_wrong_value_has_the_error_code_of_clickhouse(name: str, given: Value | float, code: int) -> None:
    with pytest.raises(WarehouseError) as wrong:
        parse_value(name, given)
    assert wrong.value.code == code


@pytest.mark.parametrize("missing", REQUIRED)
def test_each_required_setting_is_missed_by_name(missing: str) -> None:
    given = {name: value for name, value in REQUIRED.items() if name != missing}
    with pytest.raises(WarehouseError, match=missing) as wrong:
        check_settings(given)
    assert wrong.value.code == 42


@pytest.mark.parametrize(
    "given",
    [
        {"kafka_num_consumers": 0},
        {"kafka_num_consumers": 100_000},
        {"kafka_max_block_size": 0},
        {"kafka_poll_max_batch_size": 0},
        {"kafka_consumers_pool_ttl_ms": 1},
        {"kafka_handle_error_mode": "ignore"},
        {"kafka_handle_error_mode": "dead_letter_queue"},
        {"kafka_format": "JSONEachRow"},
        {"kafka_schema": "schema.capnp:Message"},
        {"kafka_keeper_path": "/clickhouse/queue"},
        {"kafka_broker_list": ""},
        {"kafka_topic_list": "a,,b"},
        {"kafka_group_name": "{replica}"},
    ],
)
def test_value_that_cannot_work_is_a_bad_argument(given: dict[str, Value]) -> None:
    with pytest.raises(WarehouseError) as wrong:
        check_settings(REQUIRED | given)
    assert (wrong.value.code, wrong.value.name) == (36, "BAD_ARGUMENTS")


def test_table_made_where_more_consumers_are_allowed_is_still_read() -> None:
    assert settings_from(REQUIRED | {"kafka_num_consumers": 100_000}).num_consumers == 100_000


def test_defaults_are_those_of_clickhouse() -> None:
    settings = settings_from(REQUIRED)
    assert settings.num_consumers == 1
    assert settings.max_block_size == 1_048_449
    assert settings.poll_max_batch_size == 65_409
    assert settings.poll_timeout_ms == 500
    assert settings.flush_interval_ms == 7_500
    assert settings.consumer_reschedule_ms == 500


def test_zero_means_the_default_for_the_two_intervals() -> None:
    settings = settings_from(REQUIRED | {"kafka_flush_interval_ms": 0, "kafka_poll_timeout_ms": 0})
    assert (settings.flush_interval_ms, settings.poll_timeout_ms) == (7_500, 500)


def test_consumers_insert_on_their_own_only_with_threads_of_their_own() -> None:
    assert settings_from(REQUIRED | {"kafka_num_consumers": 4}).consumer_threads == 1
    threaded = settings_from(REQUIRED | {"kafka_num_consumers": 4, "kafka_thread_per_consumer": True})
    assert threaded.consumer_threads == 4


def test_security_settings_reach_the_client_and_stay_out_of_repr() -> None:
    settings = settings_from(
        REQUIRED
        | {
            "kafka_security_protocol": "sasl_ssl",
            "kafka_sasl_mechanism": "PLAIN",
            "kafka_sasl_username": "reader",
            "kafka_sasl_password": "hush-hush",
        }
    )
    assert dict(settings.security) == {
        "security.protocol": "sasl_ssl",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "reader",
        "sasl.password": "hush-hush",
    }
    assert "hush-hush" not in repr(settings)
