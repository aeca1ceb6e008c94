"""Names that become SQL. A name cannot be bound as a value is, so only those pass that need no quotes at all."""

from __future__ import annotations

import re
from typing import Final

from k2pipeline.settings_error import SettingsError

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def plain(name: str, what: str) -> str:
    """The name itself. Raises SettingsError for anything but letters, digits and _; `what` says what it names."""
    if not _PLAIN.fullmatch(name):
        raise SettingsError(
            f"the {what} {name!r} cannot stand in SQL; give a name of letters, digits and _ that begins with no digit"
        )
    return name
