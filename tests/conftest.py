"""What every test may rely on."""

from __future__ import annotations

import signal

from hypothesis import settings

# A machine that rests for a moment is no finding. What Hypothesis takes for itself in CI stays.
settings.register_profile("k2", settings.default, deadline=None)
settings.load_profile("k2")


def pytest_configure() -> None:
    """Let Ctrl-C work: a shell that starts the suite in the background has it, and what it starts, ignore SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
