"""What is wrong with an address, a name or a setting that somebody gave: exit code 2 of every command."""

from __future__ import annotations


class SettingsError(ValueError):
    """It cannot be used; the message shows it, unless it is a secret, and says the next step."""
