import pytest

from k2pipeline.warehouse.errors import WarehouseError


@pytest.mark.parametrize(
    ("text", "code", "name", "message"),
    [
        (
            "Code: 60. DB::Exception: Table x (y) does not exist. (UNKNOWN_TABLE)",
            60,
            "UNKNOWN_TABLE",
            "Table x (y) does not exist.",
        ),
        (
            "Code: 60. DB::Exception: No. (UNKNOWN_TABLE) (version 26.9.2.1 (official build))",
            *(60, "UNKNOWN_TABLE", "No."),
        ),
        (
            "Code: 73. DB::Exception: Code: 73. DB::Exception: No. (UNKNOWN_FORMAT) (version 26.9). (UNKNOWN_FORMAT)",
            *(73, "UNKNOWN_FORMAT", "No."),
        ),
        (
            "Streaming query failed: Code: 47. DB::Exception: a\nb. (UNKNOWN_IDENTIFIER)",
            47,
            "UNKNOWN_IDENTIFIER",
            "a\nb.",
        ),
        ("Code: 1. DB::Exception: without a name", 1, "UNKNOWN_EXCEPTION", "without a name"),
        ("Cannot run a query now", 1002, "UNKNOWN_EXCEPTION", "Cannot run a query now"),
        ("", 1002, "UNKNOWN_EXCEPTION", "the engine failed without a message"),
    ],
)
def test_code_and_name_are_read_from_the_engines_text(text: str, code: int, name: str, message: str) -> None:
    error = WarehouseError.from_engine(text)
    assert (error.code, error.name, error.message) == (code, name, message)


def test_error_reads_as_clickhouse_writes_it() -> None:
    assert str(WarehouseError(60, "UNKNOWN_TABLE", "No x")) == "Code: 60. DB::Exception: No x. (UNKNOWN_TABLE)"
    assert str(WarehouseError(60, "UNKNOWN_TABLE", "No x.")) == "Code: 60. DB::Exception: No x. (UNKNOWN_TABLE)"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (62, 400),
        (36, 400),
        (194, 401),
        (516, 403),
        (60, 404),
        (81, 404),
        (159, 408),
        (229, 413),
        (48, 501),
        (209, 503),
        (202, 500),
        (164, 500),
        (395, 500),
    ],
)
def test_http_status_is_the_one_that_clickhouse_gives(code: int, status: int) -> None:
    assert WarehouseError(code, "NAME", "message").http_status == status
