"""Who may ask: the user `default` with the password, by any of the ways in which ClickHouse takes them."""

from __future__ import annotations

import base64
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from k2pipeline.warehouse.errors import WarehouseError

USER = "default"


@dataclass(frozen=True)
class Credentials:
    user: str
    password: str

    def require(self, password: str) -> None:
        """Raises AUTHENTICATION_FAILED (516), in the same time whichever part is wrong."""
        same_user = hmac.compare_digest(self.user.encode("utf-8", "replace"), USER.encode())
        same_password = hmac.compare_digest(self.password.encode("utf-8", "replace"), password.encode())
        if not (same_user & same_password):
            raise _refused(f"{self.user[:100]}: Authentication failed: password is incorrect, or there is no such user")


def read_credentials(headers: Mapping[str, str], url: Mapping[str, str]) -> Credentials:
    """One of: `X-ClickHouse-User` and `-Key`, basic authentication, or `user` and `password` in a URL."""
    by_header = "x-clickhouse-user" in headers or "x-clickhouse-key" in headers
    by_url = "user" in url or "password" in url
    by_authorization = "authorization" in headers
    if by_header + by_url + by_authorization > 1:
        raise _refused("Invalid authentication: give user and password in one way, by headers, basic or URL parameters")
    if by_authorization:
        return _basic(headers["authorization"])
    if by_header:
        return Credentials(headers.get("x-clickhouse-user") or USER, headers.get("x-clickhouse-key", ""))
    return Credentials(url.get("user") or USER, url.get("password", ""))


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine; that of a page rebound to 127.0.0.1 names another."""
    name = host.strip().lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _basic(authorization: str) -> Credentials:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise _refused(f"Invalid authentication: {scheme[:40]!r} HTTP Authorization scheme is not supported; use Basic")
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:  # not ASCII, not base64, or not UTF-8 once decoded
        raise _refused("Invalid authentication: the credentials are not base64 of user:password") from None
    return Credentials(user, password)


def _refused(message: str) -> WarehouseError:
    return WarehouseError(516, "AUTHENTICATION_FAILED", message)
