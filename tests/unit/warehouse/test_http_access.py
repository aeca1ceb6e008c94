import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.http.access import Credentials, is_loopback, read_credentials


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    ("headers", "url", "expected"),
    [
        ({}, {}, Credentials("default", "")),
        (basic("default:a:b ü"), {}, Credentials("default", "a:b ü")),
        ({"authorization": "bAsIc ZGVmYXVsdDp4"}, {}, Credentials("default", "x")),
        ({"x-clickhouse-key": "k"}, {}, Credentials("default", "k")),
        ({"x-clickhouse-user": "u", "x-clickhouse-key": "k"}, {}, Credentials("u", "k")),
        ({}, {"password": "p"}, Credentials("default", "p")),
        ({}, {"user": "u"}, Credentials("u", "")),
    ],
)
def test_credentials_come_in_one_of_three_ways(
    headers: dict[str, str], url: dict[str, str], expected: Credentials
) -> None:
    assert read_credentials(headers, url) == expected


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ({**basic("default:x"), "x-clickhouse-key": "x"}, {}),
        (basic("default:x"), {"password": "x"}),
        ({"x-clickhouse-key": "x"}, {"user": "default"}),
        ({"authorization": "Bearer x"}, {}),
        ({"authorization": "Basic not-base64"}, {}),
        ({"authorization": ""}, {}),
    ],
)
def test_credentials_that_cannot_be_read_are_refused(headers: dict[str, str], url: dict[str, str]) -> None:
    with pytest.raises(WarehouseError, match="AUTHENTICATION_FAILED"):
        read_credentials(headers, url)


@given(st.text(), st.text(), st.text(min_size=1))
def test_only_the_user_and_the_password_are_let_in(user: str, given_password: str, password: str) -> None:
    code = None
    try:
        Credentials(user, given_password).require(password)
    except WarehouseError as refused:
        code = refused.code
    assert code == (None if (user, given_password) == ("default", password) else 516)


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:80", "127.0.0.1", "127.1.2.3:8123", "::1", "[::1]", "[::1]:80"]
)
def test_this_machine_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        ":80",
        "example.com",
        "localhost.example.com",
        "127.0.0.1.nip.io",
        "10.0.0.1",
        "[::2]",
        "2130706433",
    ],
)
def test_other_names_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)
