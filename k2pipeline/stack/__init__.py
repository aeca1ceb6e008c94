"""Where broker and warehouse run. The rest sees a bootstrap address and a ClickHouse URL.

    with start_stack("embedded", workdir=Path("runs/1")) as stack:
        stack.create_topics(["trades"], partitions=4)
        with stack.warehouse.client(database="default") as client:
            client.query("SELECT version()")

STACKS holds the stacks that work: a name, and the module with its `start`. That is imported when it is asked
for, so that an embedded stack needs nothing of another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from k2pipeline.stack.base import Stack, StackError, WarehouseAddress

__all__ = ["STACKS", "Stack", "StackError", "WarehouseAddress", "start_stack"]

STACKS = {
    "docker": "k2pipeline.stack.docker",
    "embedded": "k2pipeline.stack.embedded",
    "kafka": "k2pipeline.stack.kafka",
    "external": "k2pipeline.stack.external",
}


@contextmanager
def start_stack(name: str, *, workdir: Path, **options: Any) -> Iterator[Stack]:
    """Start a stack, and stop it however the block ends.

    workdir: where it keeps data and logs. options: what the stack's own `start` takes. Raises StackError when
    the stack cannot start, ValueError for a name that is not in STACKS and for wrong options.
    """
    if name not in STACKS:
        raise ValueError(f"no stack is called {name!r}; there are: {', '.join(sorted(STACKS))}")
    stack: Stack = import_module(STACKS[name]).start(workdir=workdir, **options)
    try:
        yield stack
    finally:
        stack.stop()
