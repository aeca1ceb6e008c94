import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.filepost import encode_multipart_formdata

from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.http.multipart import Part, form_boundary, read_form

names = st.text(st.characters(codec="ascii", min_codepoint=97, max_codepoint=122), min_size=1)


@given(st.lists(st.tuples(names, st.booleans(), st.binary(max_size=100)), min_size=1, max_size=4))
def test_form_of_urllib3_is_read_to_the_byte(fields: list[tuple[str, bool, bytes]]) -> None:
    given_fields = [(name, (f"{name}.csv", data) if is_file else data) for name, is_file, data in fields]
    body, content_type = encode_multipart_formdata(given_fields)
    boundary = form_boundary(content_type)
    assert boundary is not None
    assert read_form(body, boundary) == [Part(name, is_file, data) for name, is_file, data in fields]


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/mixed; boundary=x"]
)
def test_other_content_is_no_form(content_type: str) -> None:
    assert form_boundary(content_type) is None


def test_form_without_a_boundary_is_refused() -> None:
    with pytest.raises(WarehouseError, match="no boundary"):
        form_boundary("multipart/form-data")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x",
        b"--x\r\n",
        b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nvalue",
        b"--x\r\nContent-Disposition: form-data\r\n\r\nvalue\r\n--x--",
        b"--x\r\nno header\r\n--x--",
    ],
)
def test_broken_form_is_refused(body: bytes) -> None:
    with pytest.raises(WarehouseError, match="multipart"):
        read_form(body, b"x")


@given(st.binary(max_size=100))
def test_any_bytes_are_a_form_or_refused(body: bytes) -> None:
    code = None
    try:
        read_form(b"--x\r\n" + body + b"\r\n--x--", b"x")
    except WarehouseError as refused:
        code = refused.code
    assert code in (None, 36)
