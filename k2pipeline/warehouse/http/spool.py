"""Files in which an insert's rows wait until all of them have arrived.

So memory stays bounded, an insert whose client falls silent or sends half a body never begins, and the engine
can read the rows by `FROM INFILE`.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.http.compression import ByteSource

_PREFIX = "insert-"
_COPY_BYTES = 1024 * 1024


class SpoolDirectory:
    """A directory that belongs to this process alone. What a killed process left there is removed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(parents=True, exist_ok=True)
        for left_over in path.glob(f"{_PREFIX}*"):
            left_over.unlink()

    @contextmanager
    def holding(self, start: bytes, rest: ByteSource) -> Iterator[Path]:
        """A file with `start` and all of `rest`, for the time of the context."""
        with tempfile.NamedTemporaryFile(dir=self._path, prefix=_PREFIX) as file:
            try:
                file.write(start)
                while chunk := rest.read(_COPY_BYTES):
                    file.write(chunk)
                file.flush()
            except OSError as error:
                raise _no_space(error) from error
            yield Path(file.name)


def _no_space(error: OSError) -> WarehouseError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WarehouseError(243, "NOT_ENOUGH_SPACE", f"no room to keep the rows of this insert: {error.strerror}")
    return WarehouseError(76, "CANNOT_OPEN_FILE", f"the rows of this insert could not be kept: {error.strerror}")
