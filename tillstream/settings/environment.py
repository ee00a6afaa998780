"""Lay environment variables over the tables of the configuration file: which key each one means, and what it says."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args

import orjson
from pydantic import BaseModel

from tillstream.logs import LEVELS
from tillstream.settings.errors import Problem, nearest
from tillstream.settings.kafka import ALIASES, FILES, OPTIONS, OURS_TO_SET, Kafka
from tillstream.settings.shape import KeyPath, alternatives, fields, model_of, structured

PREFIX = "TILLSTREAM_"
CONNECTION = "TILLSTREAM_CONNECTION__"
SHORT: dict[str, KeyPath] = {
    "TILLSTREAM_TOPIC_PREFIX": ("topics", "prefix"),
    "TILLSTREAM_STATE_FOLDER": ("state", "folder"),
    "SCHEMA_REGISTRY_URL": ("registry", "url"),
    "SCHEMA_REGISTRY_URL_FILE": ("registry", "url_file"),
    "KAFKA_BOOTSTRAP_SERVERS": ("kafka", "bootstrap.servers"),
    "KAFKA_SECURITY_PROTOCOL": ("kafka", "security.protocol"),
    **{
        f"KAFKA_{name.upper().replace('.', '_')}": ("kafka", name)
        for name in sorted(OURS_TO_SET | FILES.keys())
        if name.startswith("sasl.")
    },
}
NOT_KEYS = ("TILLSTREAM_CONFIG",)


class Key(NamedTuple):
    """What a variable may set: the path of a key, and the kind of its value."""

    path: KeyPath
    kind: Any


class Overlay(NamedTuple):
    """The tables with the environment laid over them, which variable each key came from, and what was wrong."""

    table: dict[str, Any]
    origins: dict[KeyPath, str]
    problems: tuple[Problem, ...]


def overlay(model: type[BaseModel], table: Mapping[str, Any], environ: Mapping[str, str]) -> Overlay:
    """Lay the variables over the tables: whole tables first, then single keys; the short names win."""
    known = _known(model, table, environ)
    merged: dict[str, Any] = copy.deepcopy(dict(table))
    origins: dict[KeyPath, str] = {}
    problems: list[Problem] = []
    settings: list[tuple[int, bool, str, KeyPath, Any]] = []
    for variable, line in sorted(environ.items()):
        text = line.rstrip("\r\n")
        if (key := _meant(variable, text, known)) is None:
            problems.extend(_unknown(variable, text, known))
            continue
        try:
            settings.append((len(key.path), variable in SHORT, variable, key.path, _value(key.kind, text)))
        except ValueError as error:
            problems.append(Problem(variable, 0, "", str(error)))
    for _, _, variable, path, value in sorted(settings, key=lambda entry: entry[:3]):
        _put(merged, path, value)
        origins[path] = variable
    return Overlay(merged, origins, tuple(problems))


def variables(model: type[BaseModel], connections: Iterable[str]) -> dict[str, Key]:
    """Every variable that sets a key, for these connections."""
    keys = dict(_below(model, "TILLSTREAM", (), tuple(connections)))
    return keys | {name: Key(path, str) for name, path in SHORT.items()}


def _meant(variable: str, text: str, known: Mapping[str, Key]) -> Key | None:
    """The key that a variable sets; None for one that sets none (an empty short one counts as not given)."""
    name = variable.upper() if variable.upper().startswith(PREFIX) else variable
    if name in SHORT and not text and name != "TILLSTREAM_TOPIC_PREFIX":
        return None
    return known.get(name)


def _unknown(variable: str, text: str, known: Mapping[str, Key]) -> Iterator[Problem]:
    """What is wrong with a variable that sets no key: nothing, unless it is meant for us."""
    name = variable.upper()
    if variable == "LOG_LEVEL" and text.upper() not in ("", *LEVELS):
        yield Problem(variable, 0, "", f"should be one of {', '.join(LEVELS)}")
    if name.startswith(PREFIX) and name not in NOT_KEYS and name not in SHORT:
        yield Problem(variable, 0, "", f"unknown variable{nearest(name, (*known, *NOT_KEYS))}")


def _known(model: type[BaseModel], table: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Key]:
    """The variables for the connections of the file and for those that the environment itself makes."""
    written = table.get("connection")
    names = [str(name) for name in written] if isinstance(written, Mapping) else []
    tokens = sorted((_token(name) for name in names), key=len, reverse=True)
    for variable in sorted(environ):
        rest = variable.upper().removeprefix(CONNECTION)
        if rest != variable.upper() and not any(rest == token or rest.startswith(f"{token}__") for token in tokens):
            names.append(rest.split("__")[0].lower().replace("_", "-"))
    return variables(model, dict.fromkeys(names))


def _token(name: str) -> str:
    return name.upper().replace("-", "_").replace(".", "_")


def _below(kind: Any, variable: str, path: KeyPath, connections: Sequence[str]) -> Iterator[tuple[str, Key]]:
    """The variables of a key and of all keys below it."""
    model = model_of(kind)
    joint = "_" if not path else "__"
    if path:
        yield variable, Key(path, kind)
    if path == ("connection",):
        for name in connections:
            yield from _below(get_args(kind)[1], f"{variable}__{_token(name)}", (*path, name), connections)
    elif model is Kafka:
        for name in sorted(OPTIONS | FILES.keys()):
            yield f"{variable}__{_token(name)}", Key((*path, name), str)
    elif model is not None:
        for name, inner in fields(model).items():
            yield from _below(inner, f"{variable}{joint}{_token(name)}", (*path, name), connections)


def _value(kind: Any, text: str) -> Any:
    """What a variable's text says for this kind of key; raises ValueError, which does not repeat the text."""
    tables = [structured(one) for one in alternatives(kind) if one is not type(None)]
    if not any(tables):
        return text
    if text.lstrip()[:1] not in ("[", "{"):
        if not all(tables):
            return text
        raise ValueError("should be a list or table as JSON")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"should be JSON (the fault is at character {error.pos + 1})") from None


def _put(table: dict[str, Any], path: KeyPath, value: Any) -> None:
    """Set a key, make the tables above it, and take away the other ways in which the same thing was said."""
    *above, last = path
    for name in above:
        below = table.get(str(name))
        table = table.setdefault(str(name), {}) if isinstance(below, dict) or below is None else {}
    key = str(last)
    for other in (f"{key}_file", key.removesuffix("_file"), ALIASES.get(key)):
        if other:
            table.pop(other, None)
    table[key] = value
