"""Look at the models from outside: which keys a table may hold, and what kind of thing stands below a key."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from tillstream.settings.block import secrets

KeyPath = tuple[str | int, ...]


def alternatives(kind: Any) -> Iterator[Any]:
    """The alternatives of a kind, None among them, without what is only said about it.

    >>> list(alternatives(Annotated[int | None, "pieces"]))
    [<class 'int'>, <class 'NoneType'>]
    """
    origin = get_origin(kind)
    if origin is Annotated:
        yield from alternatives(get_args(kind)[0])
    elif origin in (Union, types.UnionType):
        for one in get_args(kind):
            yield from alternatives(one)
    else:
        yield kind


def model_of(kind: Any) -> type[BaseModel] | None:
    """The model of a table; None for a kind that has none."""
    return next((one for one in alternatives(kind) if isinstance(one, type) and issubclass(one, BaseModel)), None)


def structured(kind: Any) -> bool:
    """Is this alternative a list or a table?"""
    origin = get_origin(kind) or kind
    if not isinstance(origin, type) or issubclass(origin, str):
        return False
    return issubclass(origin, BaseModel | Mapping | Set | Sequence) and not hasattr(origin, "_fields")


def fields(model: type[BaseModel]) -> dict[str, Any]:
    """The keys of a model's table -> their kinds; the files of secrets are among them."""
    written = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    return written | dict.fromkeys(secrets(model), str)


def below(kind: Any, part: str | int) -> Any:
    """The kind of what stands under a key or number; None when nothing may."""
    if (model := model_of(kind)) is not None:
        return fields(model).get(str(part))
    for one in alternatives(kind):
        if structured(one) and get_args(one):
            return get_args(one)[-1 if isinstance(part, str) else 0]
    return None


def at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """The model of the table at a path; None for one that has none."""
    kind: Any = model
    for part in path:
        kind = below(kind, part)
    return model_of(kind)
