"""multipart/form-data (RFC 7578): how a request brings external tables, or a long query. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message

from k2pipeline.warehouse.errors import WarehouseError


@dataclass(frozen=True)
class Part:
    """A form field; with a file name it is a table."""

    name: str
    is_file: bool
    data: bytes


def form_boundary(content_type: str) -> bytes | None:
    """The boundary, if the content type is multipart/form-data."""
    header = Message()
    header["Content-Type"] = content_type.replace("\n", " ").replace("\r", " ")
    if header.get_content_type() != "multipart/form-data":
        return None
    boundary = header.get_boundary("")
    if not boundary:
        raise _broken("its Content-Type has no boundary")
    return boundary.encode("utf-8", "replace")


def read_form(body: bytes, boundary: bytes) -> list[Part]:
    delimiter = b"\r\n--" + boundary
    sections = (b"\r\n" + body).split(delimiter)
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        raise _broken("it ends before its last boundary")
    return [_part(section) for section in sections[1:-1]]


def _part(section: bytes) -> Part:
    head, separator, data = section.partition(b"\r\n\r\n")
    if not separator:
        raise _broken("a part has no header")
    header = Message()
    for line in head.decode("utf-8", "replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            header["Content-Disposition"] = value.strip()
    field = header.get_param("name", header="content-disposition")
    if not isinstance(field, str) or not field:
        raise _broken("a part has no name")
    file_name = header.get_param("filename", header="content-disposition")
    return Part(field, file_name is not None, data)


def _broken(why: str) -> WarehouseError:
    return WarehouseError(36, "BAD_ARGUMENTS", f"the request's body is not valid multipart/form-data: {why}")
