"""SASL and TLS for a broker that wants them, from the environment: no argument, so in no process list or manifest.

    K2_BOOTSTRAP=broker.example:9093 K2_KAFKA_SECURITY_PROTOCOL=SASL_SSL K2_KAFKA_SASL_MECHANISM=SCRAM-SHA-512 \\
    K2_KAFKA_SASL_USERNAME=k2 K2_KAFKA_SASL_PASSWORD=... K2_KAFKA_CA_FILE=ca.pem

They belong to the broker that K2_BOOTSTRAP names. Another one on this machine, such as that of an embedded stack
started in the same shell, is spoken to in plain text; another one elsewhere is an error, because a password that is
silently not sent is worse. Child processes inherit them. librdkafka's CONFIGURATION.md says what each may be.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException, Producer

from k2pipeline.settings_error import SettingsError

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
_LOOPBACK: Final = ("127.0.0.1", "[::1]")


def broker_settings(bootstrap: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """librdkafka's settings for a client of this broker: its address, and what it asks for.

    Raises SettingsError for a security protocol that does not exist, for a file that does not, for settings that no
    protocol would use, and for those that are not this broker's.
    """
    settings = {"bootstrap.servers": bootstrap}
    given = {setting: environment[name] for name, setting in VARIABLES.items() if environment.get(name)}
    if not given or not _are_for(bootstrap, environment.get(BOOTSTRAP_VARIABLE, "")):
        return settings
    protocol = given.get("security.protocol", "")
    if protocol not in _PROTOCOLS:
        raise SettingsError(f"K2_KAFKA_SECURITY_PROTOCOL={protocol!r} is not one of {', '.join(_PROTOCOLS)}")
    idle = [name for name, setting in VARIABLES.items() if setting in given and not _is_used(setting, protocol)]
    if idle:
        raise SettingsError(f"{idle[0]} has no use with K2_KAFKA_SECURITY_PROTOCOL={protocol}; unset one of the two")
    for name, setting in VARIABLES.items():
        if setting.endswith(".location") and setting in given and not Path(given[setting]).exists():
            raise SettingsError(f"{name}={given[setting]!r} is not there; correct the path")
    return {**settings, **given}


def require_usable(bootstrap: str) -> None:
    """Raises SettingsError where a client cannot even be made with the settings, whoever answers."""
    try:
        Producer({**broker_settings(bootstrap), "log_level": 0})
    except KafkaException as error:
        raise SettingsError(
            f"no client of {bootstrap} can be made with K2_KAFKA_*: {error.args[0].str()}; correct them"
        ) from error


def _are_for(bootstrap: str, named: str) -> bool:
    """Whether K2_KAFKA_* are this broker's; an error where that is not to be told."""
    wanted, known = _addresses(bootstrap), _addresses(named)
    if wanted & known:
        return True
    if named and all(address.rpartition(":")[0] in _LOOPBACK for address in wanted):
        return False
    raise SettingsError(
        f"K2_KAFKA_* are set for {BOOTSTRAP_VARIABLE}={named!r}, and the broker is {bootstrap}: set "
        f"{BOOTSTRAP_VARIABLE} to it if they are its settings, or unset them"
    )


def _addresses(bootstrap: str) -> set[str]:
    """host:port of each broker, the same for the same one however it is written."""
    found = (address.strip().lower().rpartition("://")[2] for address in bootstrap.split(","))
    return {re.sub(r"^localhost:", "127.0.0.1:", address) for address in found if address}


def _is_used(setting: str, protocol: str) -> bool:
    if setting.startswith("sasl."):
        return protocol.startswith("SASL_")
    return not setting.startswith("ssl.") or protocol.endswith("SSL")
