"""JSON as bytes that are kept by the thousand."""

from __future__ import annotations

from typing import Any

import orjson


def pack(value: Any) -> bytes:
    """JSON in bytes of its own size: orjson 3.13 hands out each result in the buffer it wrote it in, 4 kB or more."""
    return memoryview(orjson.dumps(value)).tobytes()
