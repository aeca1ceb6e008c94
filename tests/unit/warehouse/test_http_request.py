import pytest
from hypothesis import given
from hypothesis import strategies as st

from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.http.request import Request, SessionRequest, read_request, read_url


def read(query_string: bytes, method: str = "POST", **headers: str) -> Request:
    return read_request(method, read_url(query_string), {name.replace("_", "-"): headers[name] for name in headers})


def test_parameters_are_decoded() -> None:
    assert read_url(b"a=1&b=x+y%26z&c&=d&e=%C3%BC&a=2") == {"a": b"2", "b": b"x y&z", "c": b"", "e": b"\xc3\xbc"}


def test_parts_of_the_query_are_joined() -> None:
    assert read(b"query=SELECT&query=+1").url_query == b"SELECT 1"


def test_what_is_not_a_parameter_of_the_interface_is_a_setting() -> None:
    request = read(b"query=x&database=d&param_a=1&param_settings=2&max_threads=3&user=u&output_format_x=4")
    assert request.database == "d"
    assert request.params == {"a": "1", "settings": "2"}
    assert request.settings == {"max_threads": "3", "output_format_x": "4"}


def test_headers_stand_in_for_parameters() -> None:
    request = read(b"default_format=CSV", x_clickhouse_format="JSON", x_clickhouse_database="d")
    assert (request.default_format, request.database) == ("JSON", "d")
    assert read(b"database=e", x_clickhouse_database="d").database == "e"
    assert read(b"").default_format == "TabSeparated"


@pytest.mark.parametrize(("method", "read_only"), [("GET", True), ("HEAD", True), ("POST", False), ("PUT", False)])
def test_get_only_reads(method: str, read_only: bool) -> None:
    assert read(b"", method).read_only == read_only


def test_answer_is_compressed_unless_the_client_forbids_it() -> None:
    assert read(b"", accept_encoding="lz4").accept_encoding == "lz4"
    assert read(b"enable_http_compression=1", accept_encoding="lz4").accept_encoding == "lz4"
    assert read(b"enable_http_compression=0", accept_encoding="lz4").accept_encoding == ""


def test_session_is_described_by_four_parameters() -> None:
    assert read(b"").session is None
    assert read(b"session_id=a").session == SessionRequest("a", 60, must_exist=False, close=False)
    whole = read(b"session_id=a&session_timeout=3600&session_check=1&close_session=1").session
    assert whole == SessionRequest("a", 3600, must_exist=True, close=True)


@pytest.mark.parametrize(
    ("query_string", "code"),
    [
        (b"compress=1", 48),
        (b"decompress=true", 48),
        (b"role=x", 511),
        (b"session_id=a&session_timeout=3601", 374),
        (b"session_id=a&session_timeout=-1", 374),
        (b"session_id=a&session_timeout=%D9%A3", 374),
        (b"default_format=a%20b", 73),
        (b"query_id=a%0d%0aX:%20y", 36),
        (b"query_id=" + b"x" * 257, 36),
        (b"max_threads=%ff", 36),
    ],
)
def test_value_that_cannot_be_honoured_is_refused(query_string: bytes, code: int) -> None:
    with pytest.raises(WarehouseError) as refused:
        read(query_string)
    assert refused.value.code == code


@given(st.binary(max_size=200))
def test_any_query_string_is_read_or_refused(query_string: bytes) -> None:
    code = None
    try:
        read(query_string)
    except WarehouseError as refused:
        code = refused.code
    assert code in (None, 36, 48, 73, 374, 511)


@pytest.mark.parametrize(
    ("given_zone", "answered"),
    [(b"Asia/Tokyo", "Asia/Tokyo"), (b"", "UTC"), (b"a%0d%0aX:%20y", "UTC"), (b"%C3%BC", "UTC")],
)
def test_time_zone_that_is_no_name_is_not_answered(given_zone: bytes, answered: str) -> None:
    assert read(b"session_timezone=" + given_zone).timezone == answered
