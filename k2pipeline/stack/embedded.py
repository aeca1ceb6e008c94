"""The default stack: Tansu and the embedded warehouse, two processes on loopback, nothing but Python needed.

The broker keeps all in memory: what it held is lost when it ends.
"""

from __future__ import annotations

from pathlib import Path

from k2pipeline.stack.broker import TansuBroker
from k2pipeline.stack.local import LocalStack, start_local


def start(*, workdir: Path) -> LocalStack:
    """Start broker and warehouse side by side; both answer when this returns."""
    return start_local(workdir, TansuBroker)
