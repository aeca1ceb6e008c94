"""curl as people use it on a ClickHouse server."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.warehouse_http.process import PASSWORD, Warehouse

CURL = shutil.which("curl")
pytestmark = pytest.mark.skipif(CURL is None, reason="curl is not installed")


def curl(*arguments: str, stdin: bytes = b"") -> bytes:
    command = [CURL or "", "--silent", "--show-error", "--max-time", "120", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout


def test_basic_authentication_and_query_in_the_body(warehouse: Warehouse) -> None:
    assert curl("--user", f"default:{PASSWORD}", warehouse.url, "--data-binary", "SELECT 1 + 1") == b"2\n"


def test_credentials_in_headers(warehouse: Warehouse) -> None:
    headers = ("--header", "X-ClickHouse-User: default", "--header", f"X-ClickHouse-Key: {PASSWORD}")
    assert curl(*headers, warehouse.url, "--data", "SELECT 'a=b&c'") == b"a=b&c\n"


def test_credentials_and_query_in_the_url(warehouse: Warehouse) -> None:
    given = ("query=SELECT {x:UInt8} FORMAT CSV", "user=default", f"password={PASSWORD}", "param_x=7")
    arguments = [part for each in given for part in ("--data-urlencode", each)]
    assert curl("--get", *arguments, warehouse.url) == b"7\n"


@pytest.mark.parametrize("fmt", ["TSV", "CSVWithNames"])
def test_compressed_answer(warehouse: Warehouse, fmt: str) -> None:
    sql = f"SELECT number FROM numbers(500000) FORMAT {fmt}"
    plain = curl("--user", f"default:{PASSWORD}", warehouse.url, "--data", sql)
    assert plain.count(b"\n") >= 500_000
    assert curl("--compressed", "--user", f"default:{PASSWORD}", warehouse.url, "--data", sql) == plain


def test_large_file_is_uploaded_compressed(warehouse: Warehouse, database: str, tmp_path: Path) -> None:
    import gzip

    file = tmp_path / "rows.tsv.gz"
    file.write_bytes(gzip.compress(b"".join(b"%d\n" % number for number in range(1_000_000))))
    assert warehouse.post(f"CREATE TABLE {database}.t (n UInt64) ENGINE = MergeTree ORDER BY n").status == 200
    url = f"{warehouse.url}/?query=INSERT+INTO+{database}.t+FORMAT+TSV"
    encoded = ("--header", "Content-Encoding: gzip", "--data-binary", f"@{file}")
    assert curl("--user", f"default:{PASSWORD}", *encoded, url) == b""
    assert warehouse.rows(f"SELECT count(), max(n) FROM {database}.t") == ["1000000\t999999"]


def test_failure_is_an_exit_code_for_fail(warehouse: Warehouse) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        curl("--fail", "--user", f"default:{PASSWORD}", warehouse.url, "--data", "SELECT nope")
    assert failed.value.returncode == 22
