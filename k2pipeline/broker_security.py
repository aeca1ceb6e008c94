"""SASL and TLS for a broker that wants them, from the environment: no argument, so in no process list or manifest.

    K2_BOOTSTRAP=broker.example:9093 K2_KAFKA_SECURITY_PROTOCOL=SASL_SSL K2_KAFKA_SASL_MECHANISM=SCRAM-SHA-512 \\
    K2_KAFKA_SASL_USERNAME=k2 K2_KAFKA_SASL_PASSWORD=... K2_KAFKA_CA_FILE=ca.pem

They belong to the broker that K2_BOOTSTRAP names. Any other, such as that of an embedded stack started in the same
shell, is spoken to in plain text. Child processes inherit them. librdkafka's CONFIGURATION.md says what each may be.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

BOOTSTRAP_VARIABLE: Final = "K2_BOOTSTRAP"
VARIABLES: Final = {
    "K2_KAFKA_SECURITY_PROTOCOL": "security.protocol",
    "K2_KAFKA_SASL_MECHANISM": "sasl.mechanism",
    "K2_KAFKA_SASL_USERNAME": "sasl.username",
    "K2_KAFKA_SASL_PASSWORD": "sasl.password",
    "K2_KAFKA_CA_FILE": "ssl.ca.location",
    "K2_KAFKA_CERTIFICATE_FILE": "ssl.certificate.location",
    "K2_KAFKA_KEY_FILE": "ssl.key.location",
    "K2_KAFKA_KEY_PASSWORD": "ssl.key.password",
}
_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")


def broker_settings(bootstrap: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """librdkafka's settings for a client of this broker: its address, and what it asks for.

    Raises ValueError for a security protocol that does not exist, and for SASL settings that no protocol would use: a
    password that is silently not sent is worse than an error.
    """
    settings = {"bootstrap.servers": bootstrap}
    if bootstrap != environment.get(BOOTSTRAP_VARIABLE):
        return settings
    given = {setting: environment[name] for name, setting in VARIABLES.items() if environment.get(name)}
    if not given:
        return settings
    protocol = given.get("security.protocol", "")
    if protocol not in _PROTOCOLS:
        raise ValueError(f"K2_KAFKA_SECURITY_PROTOCOL={protocol!r} is not one of {', '.join(_PROTOCOLS)}")
    idle = [name for name, setting in VARIABLES.items() if setting in given and not _is_used(setting, protocol)]
    if idle:
        raise ValueError(f"{idle[0]} has no use with K2_KAFKA_SECURITY_PROTOCOL={protocol}; unset one of the two")
    return {**settings, **given}


def _is_used(setting: str, protocol: str) -> bool:
    if setting.startswith("sasl."):
        return protocol.startswith("SASL_")
    return not setting.startswith("ssl.") or protocol.endswith("SSL")
