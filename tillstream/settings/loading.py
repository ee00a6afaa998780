"""Read the configuration: the file, the environment over it, and everything that is wrong with either."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from tillstream.settings.block import in_plain_words
from tillstream.settings.environment import CONNECTION, Overlay, overlay
from tillstream.settings.errors import Problem, SettingsErrors, nearest
from tillstream.settings.lines import key_lines
from tillstream.settings.model import Settings, settings_model
from tillstream.settings.shape import KeyPath, at, fields

DEFAULT_FILE = Path("tillstream.toml")


class Source(NamedTuple):
    """A configuration file that was read: its tables, and the line of each key."""

    file: Path
    table: dict[str, Any]
    lines: dict[KeyPath, int]


def load(path: Path | None, environ: Mapping[str, str], platforms: Mapping[str, type[BaseModel]]) -> Settings:
    """The configuration from a file (else `TILLSTREAM_CONFIG`, else ./tillstream.toml) and the environment over it.

    `platforms`: the tables a connection may hold, by name. Raises `SettingsErrors` with every problem there is.
    """
    source = _read(path, environ)
    model = settings_model(platforms)
    laid = overlay(model, source.table, environ)
    context = {"folder": source.file.absolute().parent, "origins": laid.origins}
    try:
        settings = model.model_validate(laid.table, context=context)
    except ValidationError as error:
        raise SettingsErrors(_ordered((*laid.problems, *_problems(error, model, source, laid)))) from None
    if laid.problems:
        raise SettingsErrors(_ordered(laid.problems))
    return settings


def _read(path: Path | None, environ: Mapping[str, str]) -> Source:
    """The file's tables; no file at all is well when the environment makes a connection."""
    named = path or (Path(environ["TILLSTREAM_CONFIG"]) if environ.get("TILLSTREAM_CONFIG") else None)
    file = named or DEFAULT_FILE
    if named is None and not file.exists() and any(name.upper().startswith(CONNECTION) for name in environ):
        return Source(file, {}, {})
    try:
        text = file.read_text("utf-8-sig")
        return Source(file, tomllib.loads(text), key_lines(text))
    except FileNotFoundError:
        hint = "" if named else "; give --config FILE, or TILLSTREAM_CONFIG, or start where it is"
        raise SettingsErrors([Problem(str(file), 0, "", f"there is no such file{hint}")]) from None
    except OSError as error:
        raise SettingsErrors([Problem(str(file), 0, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise SettingsErrors([Problem(str(file), 0, "", f"is not UTF-8 text (byte {error.start})")]) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsErrors([_syntax(file, str(error))]) from None


def _syntax(file: Path, message: str) -> Problem:
    """tomllib's own message, with its line where ours stands: `Invalid value (at line 3, column 5)`."""
    found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message)
    if not found:
        return Problem(str(file), 0, "", message)
    return Problem(str(file), int(found[2]), "", f"{found[1]}, column {found[3]}")


def _problems(error: ValidationError, model: type[BaseModel], source: Source, laid: Overlay) -> Iterator[Problem]:
    """Every error of the models with its place; alternatives of one key are told as one problem."""
    told: dict[KeyPath, list[str]] = {}
    for detail in error.errors(include_url=False, include_input=False):
        path = _path(detail["loc"], laid.table, model)
        what = _what(detail, path, model)
        if what not in told.setdefault(path, []):
            told[path].append(what)
    for path, whats in told.items():
        place, line = _place(path, source, laid.origins)
        yield Problem(
            place,
            line,
            ".".join(map(str, path)),
            (" or " if all(what.startswith("should") for what in whats) else "; ").join(whats),
        )


def _path(loc: KeyPath, table: Any, model: type[BaseModel]) -> KeyPath:
    """The keys as they were written: an error's location without the names of a model's inner parts."""
    path: KeyPath = ()
    for part in loc:
        written = table if isinstance(table, Mapping) else dict(enumerate(table)) if isinstance(table, list) else {}
        if part in written:
            table, path = written[part], (*path, part)
        elif part in _keys(model, path):
            table, path = None, (*path, part)
    return path


def _what(detail: Any, path: KeyPath, model: type[BaseModel]) -> str:
    if detail["type"] == "extra_forbidden":
        return f"unknown key{nearest(str(path[-1]), map(str, _keys(model, path[:-1])))}"
    if detail["type"] == "missing":
        return str(detail.get("ctx", {}).get("what", "is missing"))
    return in_plain_words(detail)


def _keys(model: type[BaseModel], path: KeyPath) -> set[str | int]:
    owner = at(model, path)
    return set(fields(owner)) if owner else set()


def _place(path: KeyPath, source: Source, origins: Mapping[KeyPath, str]) -> tuple[str, int]:
    """The variable or the line that says the key, or else the closest table around it."""
    for length in range(len(path), 0, -1):
        if variable := origins.get(path[:length]):
            return variable, 0
        if line := source.lines.get(path[:length]):
            return str(source.file), line
    return (str(source.file), 0) if source.table else ("environment", 0)


def _ordered(problems: Iterable[Problem]) -> list[Problem]:
    """By line, then the rest by name."""
    return sorted(problems, key=lambda problem: (not problem.line, problem.line, problem.place, problem.key))
