"""Say everything that is wrong with a configuration at once, each with its place and the nearest right name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing wrong: the file or variable, its line (0 when it has none), the key, and what is wrong."""

    place: str
    line: int
    key: str
    what: str

    def __str__(self) -> str:
        place = f"{self.place}:{self.line}" if self.line else self.place
        return ": ".join(part for part in (place, self.key, self.what) if part)


class SettingsErrors(Exception):
    """The configuration cannot be used; `problems` holds all that is wrong with it. No secret is in the text."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def nearest(word: str, known: Iterable[str]) -> str:
    """The hint that follows an unknown word; empty when nothing known is like it.

    >>> nearest("privat_key", ["private_key", "url"])
    ' (did you mean private_key?)'
    >>> nearest("colour", ["url"])
    ''
    """
    found = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean {found[0]}?)" if found else ""
