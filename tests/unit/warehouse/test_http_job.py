from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from urllib3.filepost import encode_multipart_formdata

from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.http.job import ExternalTable, Insert, Job, read_job
from k2pipeline.warehouse.http.request import read_request, read_url
from k2pipeline.warehouse.http.spool import SpoolDirectory
from k2pipeline.warehouse.http.statement import Statement


class Pieces:
    """A body that arrives in pieces of these lengths, then as a whole."""

    def __init__(self, body: bytes, lengths: list[int]) -> None:
        self._body = BytesIO(body)
        self._lengths = iter(lengths)

    def read(self, size: int, /) -> bytes:
        return self._body.read(min(size, next(self._lengths, size)))


@pytest.fixture
def spool(tmp_path: Path) -> SpoolDirectory:
    return SpoolDirectory(tmp_path)


def job(spool: SpoolDirectory, kept: ExitStack, body: bytes, url: bytes = b"", **headers: str) -> Job:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_job(read_request("POST", read_url(url), named), BytesIO(body), spool, kept)


def test_statement_begins_in_the_url_and_goes_on_in_the_body(spool: SpoolDirectory) -> None:
    with ExitStack() as kept:
        work = job(spool, kept, b"1", b"query=SELECT").work
        assert isinstance(work, Statement)
        assert work.text == b"SELECT\n1"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.binary(max_size=200), lengths=st.lists(st.integers(1, 20), max_size=60), in_url=st.booleans())
def test_rows_are_kept_to_the_byte_however_they_arrive(
    spool: SpoolDirectory, tmp_path: Path, rows: bytes, lengths: list[int], in_url: bool
) -> None:
    head = b"INSERT INTO t FORMAT RowBinary"
    url, body = (b"query=" + head, rows) if in_url else (b"", head + b"\n" + rows)
    with ExitStack() as kept:
        request = read_request("POST", read_url(url), {})
        work = read_job(request, Pieces(body, lengths), spool, kept).work
        assert isinstance(work, Insert)
        assert (work.head.into, work.head.format) == (b"INSERT INTO t ", "RowBinary")
        assert work.rows.read_bytes() == rows
    assert list(tmp_path.iterdir()) == []


def test_form_brings_query_parameters_and_tables(spool: SpoolDirectory) -> None:
    fields = {"query": "SELECT {x:UInt8} FROM mine", "param_x": "7", "mine": ("mine.csv", b"1,a\r\n")}
    body, content_type = encode_multipart_formdata(fields)
    with ExitStack() as kept:
        url = b"mine_structure=a+UInt8&mine_format=CSV&max_threads=1&date_time_input_format=basic"
        read = job(spool, kept, body, url, content_type=content_type)
        assert isinstance(read.work, Statement)
        assert read.work.text == b"SELECT {x:UInt8} FROM mine"
        assert read.request.params == {"x": "7"}
        assert read.request.settings == {"max_threads": "1", "date_time_input_format": "basic"}
        assert read.tables == (ExternalTable("mine", "a UInt8", "CSV", read.tables[0].data),)
        assert read.tables[0].data.read_bytes() == b"1,a\r\n"


def test_types_of_a_table_are_split_outside_brackets(spool: SpoolDirectory) -> None:
    body, content_type = encode_multipart_formdata({"query": "SELECT 1", "t": ("t", b"")})
    with ExitStack() as kept:
        read = job(spool, kept, body, b"t_types=UInt8,Map(String,+Array(Int8)),String", content_type=content_type)
        assert read.tables[0].structure == "_1 UInt8, _2 Map(String, Array(Int8)), _3 String"


def test_table_without_columns_is_refused(spool: SpoolDirectory) -> None:
    body, content_type = encode_multipart_formdata({"query": "SELECT 1", "t": ("t", b"")})
    with ExitStack() as kept, pytest.raises(WarehouseError, match="t_structure"):
        job(spool, kept, body, content_type=content_type)


@pytest.mark.parametrize("start", [b"SELECT '", b"INSERT INTO t (", b"/*"])
def test_statement_without_end_is_refused_at_the_limit(spool: SpoolDirectory, start: bytes) -> None:
    with ExitStack() as kept, pytest.raises(WarehouseError, match="16777216 bytes") as refused:
        job(spool, kept, start + b"x" * 17_000_000)
    assert refused.value.http_status == 413


def test_directory_is_emptied_of_what_an_earlier_process_left(tmp_path: Path) -> None:
    (tmp_path / "insert-left").write_bytes(b"x")
    (tmp_path / "other").write_bytes(b"x")
    SpoolDirectory(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
