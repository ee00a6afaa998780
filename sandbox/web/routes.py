"""Which operation a request asks for: method and path held against templates such as `GET /v1/orders/{orderId}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Generic, TypeVar

R = TypeVar("R")
Found = tuple[str, R, tuple[str, ...]]


class Routes(Generic[R]):
    """Operations by method and path template, first come first served."""

    def __init__(self, operations: Mapping[str, R], flags: int = 0) -> None:
        """A part in braces stands for any one part of a path, or for one of its own: `{Points|Gifts}`."""
        self._exact: dict[str, Found[R]] = {
            name: (name, one, ()) for name, one in operations.items() if "{" not in name
        }
        self._patterns = [
            (re.compile(_pattern(name), flags), name, one)
            for name, one in operations.items()
            if flags or name not in self._exact
        ]

    def find(self, method: str, path: str) -> Found[R] | None:
        """The operation's own name, what stands behind it, and the variable parts of the path."""
        wanted = f"{method} {path}"
        if wanted in self._exact:
            return self._exact[wanted]
        for pattern, name, one in self._patterns:
            if (match := pattern.fullmatch(wanted)) is not None:
                return name, one, match.groups()
        return None

    def name(self, method: str, path: str) -> str:
        """The operation's own name, or method and path where nobody knows them."""
        found = self.find(method, path)
        return found[0] if found else f"{method} {path}"


def _pattern(name: str) -> str:
    """The expression that a template stands for.

    >>> _pattern("GET /orders/{id}"), _pattern("POST /accounts/{id}/{Points|Gifts}")
    ('GET /orders/([^/]+)', 'POST /accounts/([^/]+)/(Points|Gifts)')
    """
    return re.sub(r"\{(.+?)\}", lambda part: f"({part[1]})" if "|" in part[1] else "([^/]+)", name)
