"""The message id of a trade: a pure function of exchange, symbol and trade id."""

from __future__ import annotations

from hashlib import md5
from typing import Final, cast
from uuid import UUID

import polars as pl
import pyarrow as pa

NAMESPACE: Final = UUID("6b32ff5e-7f5b-4b0a-9f5c-1b2d6e0c4a11")

_BYTES: Final = 16
_VERSION: Final = bytes(byte & 0x0F | 0x30 for byte in range(256))
_VARIANT: Final = bytes(byte & 0x3F | 0x80 for byte in range(256))


def message_ids(names: pl.Series) -> pl.Series:
    """UUIDs of version 3 (RFC 9562, section 5.3) of String names in NAMESPACE, as 16 bytes each (Binary)."""
    space = NAMESPACE.bytes
    digests = bytearray().join(
        [md5(space + name, usedforsecurity=False).digest() for name in names.cast(pl.Binary).to_list()]
    )
    digests[6::_BYTES] = digests[6::_BYTES].translate(_VERSION)
    digests[8::_BYTES] = digests[8::_BYTES].translate(_VARIANT)
    ids = pa.FixedSizeBinaryArray.from_buffers(pa.binary(_BYTES), len(names), [None, pa.py_buffer(digests)])
    return cast(pl.Series, pl.from_arrow(ids))
