"""Find the line on which each key of a TOML text stands, so that an error can point at it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

from tillstream.settings.shape import KeyPath

_STRING = r'"""(?:\\.|[^\\])*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'"
_SIGN = r"(?P<comment>\#[^\n]*)|(?P<open>[\[{])|(?P<close>[\]}])|(?P<end>\n)|."
_TOKEN = re.compile(f"(?P<string>{_STRING})|{_SIGN}", re.DOTALL)
_PART = r"""(?:"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_NAME = rf"[ \t]*({_PART}(?:[ \t]*\.[ \t]*{_PART})*)[ \t]*"
_HEADER = re.compile(rf"[ \t]*(\[\[?){_NAME}\]")
_KEY = re.compile(rf"{_NAME}=")


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line (from 1) of every table header and key in a text that is valid TOML; keys of inline tables are left out.

    >>> key_lines('[http]\\nlisten = "a:1"\\n')
    {('http',): 1, ('http', 'listen'): 2}
    """
    found: dict[KeyPath, int] = {}
    table: KeyPath = ()
    counts: dict[KeyPath, int] = {}
    for line, statement in _statements(text):
        if header := _HEADER.match(statement):
            table = _indexed(_names(header[2]), counts, many=header[1] == "[[")
            found.setdefault(table, line)
        elif key := _KEY.match(statement):
            found.setdefault((*table, *_names(key[1])), line)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each header or assignment with its first line; a value in brackets or triple quotes may span several lines."""
    first, begin, line, depth = 1, 0, 1, 0
    for token in _TOKEN.finditer(text + "\n"):
        depth += (token.lastgroup == "open") - (token.lastgroup == "close")
        line += token[0].count("\n")
        if token.lastgroup == "end" and depth <= 0:
            yield first, text[begin : token.start()]
            first, begin = line, token.end()


def _names(dotted: str) -> list[str]:
    return [_plain(part) for part in re.findall(_PART, dotted)]


def _plain(part: str) -> str:
    return str(tomllib.loads(f"key = {part}")["key"]) if part[0] in "\"'" else part


def _indexed(names: list[str], counts: dict[KeyPath, int], *, many: bool) -> KeyPath:
    """The path of a header, with the number of the entry after every name of an array of tables."""
    path: KeyPath = ()
    for position, name in enumerate(names, start=1):
        path = (*path, name)
        if many and position == len(names):
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path
