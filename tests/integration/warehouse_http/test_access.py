"""Who is let in, and what everybody may ask."""

import base64

import pytest

from tests.integration.warehouse_http.process import PASSWORD, Warehouse


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize("path", ["/", "/ping", "/replicas_status"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_is_told_without_a_password(warehouse: Warehouse, path: str, method: str) -> None:
    reply = warehouse.request(method, path, password=None)
    assert (reply.status, reply.body) == (200, b"Ok.\n" if method == "GET" else b"")


def test_unknown_path_is_not_found(warehouse: Warehouse) -> None:
    reply = warehouse.request("POST", "/nope", b"SELECT 1")
    assert reply.status == 404
    assert reply.text.startswith("There is no handle /nope\n")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("default", "wrong"),
        basic("default", ""),
        basic("admin", PASSWORD),
        {"Authorization": "Basic ***"},
        {"Authorization": "Basic"},
        {"Authorization": f"Bearer {PASSWORD}"},
        {"X-ClickHouse-Key": "wrong"},
        {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": "x"},
        {**basic("default", PASSWORD), "X-ClickHouse-User": "default"},
    ],
)
def test_wrong_credentials_are_refused(warehouse: Warehouse, headers: dict[str, str]) -> None:
    reply = warehouse.request("POST", "/", b"SELECT 1", headers, password=None)
    assert (reply.status, reply.error_code) == (403, 516)
    assert "AUTHENTICATION_FAILED" in reply.text
    assert PASSWORD not in reply.text


def test_password_is_not_asked_of_the_engine(warehouse: Warehouse) -> None:
    """A request that is refused must not touch the engine, whatever else is wrong with it."""
    reply = warehouse.request("POST", "/?database=nope&compress=1", b"SELECT 1", password=None)
    assert reply.error_code == 516


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8123", "127.0.0.1.evil.example", "10.0.0.1", ""])
def test_host_that_is_not_this_machine_is_refused(warehouse: Warehouse, host: str) -> None:
    reply = warehouse.request("POST", "/", b"SELECT 1", {"Host": host})
    assert reply.status == 403
    assert reply.error_code is None


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.9.9.9:80", "[::1]:8123"])
def test_host_that_is_this_machine_is_served(warehouse: Warehouse, host: str) -> None:
    assert warehouse.request("POST", "/", b"SELECT 1", {"Host": host}).body == b"1\n"
