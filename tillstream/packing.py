"""JSON as bytes that are kept by the thousand."""

from __future__ import annotations

from typing import Any

import orjson


def pack(value: Any) -> bytes:
    """JSON in bytes of its own size: orjson 3.13 hands each result out in the buffer it wrote it in, of 4 kB and more."""
    return memoryview(orjson.dumps(value)).tobytes()
