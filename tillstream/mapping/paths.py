"""Dotted names: `data.attributes.properties."Ref. Code"` is four segments, and a quoted one may hold dots."""

import re
from collections.abc import Callable, Mapping
from typing import Any

_SEGMENT = re.compile(r'"([^"]+)"(?=\.|$)|([^."]+)(?=\.|$)')


def split_path(path: str) -> tuple[str, ...]:
    """The segments of a path, or nothing where it is not well formed.

    >>> split_path('data.properties."Ref. Code"')
    ('data', 'properties', 'Ref. Code')
    >>> split_path("data.Primary Store")
    ('data', 'Primary Store')
    >>> split_path("data..email"), split_path("data.Ref. Code")
    ((), ())
    """
    segments: list[str] = []
    position = 0
    while found := _SEGMENT.match(path, position):
        segments.append(found[1] or found[2])
        position = found.end() + 1
        if position > len(path):
            return tuple(segments) if all(part.strip() == part for part in segments) else ()
    return ()


def getter(path: str) -> Callable[[Mapping[str, Any]], Any]:
    """A function that looks a dotted name up; None where any step is missing. What is no path is a name as it stands.

    >>> getter("extra.vip")({"extra": {"vip": "Yes"}})
    'Yes'
    >>> getter("extra.vip")({"extra": None}) is None
    True
    """
    head, *rest = split_path(path) or (path,)
    if not rest:
        return lambda values: values.get(head)

    def look(values: Mapping[str, Any]) -> Any:
        found = values.get(head)
        for step in rest:
            found = found.get(step) if isinstance(found, dict) else None
        return found

    return look
