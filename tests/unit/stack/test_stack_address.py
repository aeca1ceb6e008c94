from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from k2pipeline.stack import STACKS, WarehouseAddress, start_stack
from k2pipeline.stack.external import parse_clickhouse_url

SECRET = "hush-hush"  # noqa: S105
AWKWARD = "p:/?#@ %"


def test_url_names_host_and_port_and_no_password() -> None:
    address = WarehouseAddress("warehouse", 8123, password=SECRET)
    assert address.url == "http://warehouse:8123"
    assert WarehouseAddress("warehouse", 8443, secure=True).url == "https://warehouse:8443"
    assert WarehouseAddress("::1", 8123).url == "http://[::1]:8123"
    assert SECRET not in repr(address) + str(address)


def test_sqlalchemy_reads_back_the_url_whatever_is_in_it() -> None:
    address = WarehouseAddress("warehouse", 8123, user="a@b", password=AWKWARD, database="k2")
    url = make_url(address.sqlalchemy_url())
    assert url.drivername == "clickhousedb"
    assert (url.username, url.password) == ("a@b", AWKWARD)
    assert (url.host, url.port, url.database) == ("warehouse", 8123, "k2")
    secure = make_url(WarehouseAddress("warehouse", 8443, secure=True).sqlalchemy_url())
    assert dict(secure.query) == {"secure": "true"}


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://localhost", WarehouseAddress("localhost", 8123)),
        ("https://ch.example", WarehouseAddress("ch.example", 8443, secure=True)),
        ("http://u:p%40ss@ch:1234/other", WarehouseAddress("ch", 1234, "u", "p@ss", "other")),
        ("http://ch:1234/", WarehouseAddress("ch", 1234)),
    ],
)
def test_clickhouse_url_is_read(url: str, address: WarehouseAddress) -> None:
    assert parse_clickhouse_url(url) == address


@pytest.mark.parametrize("url", ["localhost:8123", "tcp://u:hush-hush@localhost:9000", "http://", ""])
def test_wrong_clickhouse_url_is_an_error_without_the_password(url: str) -> None:
    with pytest.raises(ValueError, match="http://user:password@host:8123/k2") as wrong:
        parse_clickhouse_url(url)
    assert "hush-hush" not in str(wrong.value)


def test_unknown_stack_is_an_error_that_lists_those_there_are(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match=r"'moon'.*docker, embedded, external, kafka"),
        start_stack("moon", workdir=tmp_path),
    ):
        pass
    assert set(STACKS) == {"docker", "embedded", "external", "kafka"}


def test_external_stack_names_the_variable_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("K2_BOOTSTRAP", raising=False)
    monkeypatch.delenv("K2_CLICKHOUSE_URL", raising=False)
    with pytest.raises(ValueError, match="K2_BOOTSTRAP"), start_stack("external", workdir=tmp_path):
        pass
    monkeypatch.setenv("K2_BOOTSTRAP", "localhost:1")
    with pytest.raises(ValueError, match="K2_CLICKHOUSE_URL"), start_stack("external", workdir=tmp_path):
        pass
