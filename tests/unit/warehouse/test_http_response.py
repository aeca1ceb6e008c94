import json

from clickhouse_connect.driver.transform import extract_exception_with_tag

from k2pipeline.warehouse.engine import Statistics
from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.http.response import error_text, failure_within_output, output_headers, summary_header


def test_failure_in_the_middle_is_found_by_clickhouse_connect() -> None:
    text = error_text(WarehouseError(395, "X", "it's\n2 lines"), "26.9.2.1")
    tail = failure_within_output(text, "abcdefghabcdefgh")
    found = extract_exception_with_tag(b"\x00rows" + tail, "abcdefghabcdefgh")
    assert found == "Code: 395. DB::Exception: it's\n2 lines. (X) (version 26.9.2.1 (official build))"
    assert extract_exception_with_tag(tail, "another tag") is None


def test_summary_is_json_of_numbers_as_text() -> None:
    name, value = summary_header(Statistics(result_rows=1, read_rows=2, written_rows=3), elapsed_ns=4)
    summary = json.loads(value)
    assert name == b"x-clickhouse-summary"
    assert (summary["result_rows"], summary["read_rows"], summary["written_rows"], summary["elapsed_ns"]) == tuple(
        "1234"
    )


def test_output_says_its_format_and_encoding() -> None:
    headers = dict(output_headers("CSVWithNames", "zstd"))
    assert headers[b"content-type"] == b"text/csv; charset=UTF-8; header=present"
    assert (headers[b"x-clickhouse-format"], headers[b"content-encoding"]) == (b"CSVWithNames", b"zstd")
    assert output_headers("", None) == [(b"content-type", b"text/plain; charset=UTF-8")]
