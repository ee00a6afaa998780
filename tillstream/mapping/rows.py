"""What a mapping table consists of: rows, the rules that choose between them, and lists of rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tillstream.mapping.paths import getter

Test = Callable[[Mapping[str, Any]], bool]


class Cleared:
    """Stands in a table's result where a target is to be emptied: null in JSON, while None leaves a target out."""

    def __repr__(self) -> str:
        return "nothing: what stood there is cleared"


CLEARED = Cleared()


def absent(value: Any) -> bool:
    """Whether there is nothing to send: None, an empty text, list or object. No and 0 are something.

    >>> [absent(value) for value in (None, "", [], {}, False, 0)]
    [True, True, True, True, False, False]
    """
    return not value and (value is None or isinstance(value, str | list | tuple | dict))


@dataclass(frozen=True, slots=True)
class Rule:
    """When a row applies: a field is empty or not, or is one of some values."""

    field: str
    empty: bool | None = None
    one_of: tuple[Any, ...] = ()

    def __str__(self) -> str:
        if self.empty is not None:
            return f"{self.field} is {'empty' if self.empty else 'not empty'}"
        if len(self.one_of) == 1:
            return f"{self.field} is {shown(self.one_of[0])}"
        return f"{self.field} is one of {', '.join(shown(value) for value in self.one_of)}"

    def test(self) -> Test:
        """The rule as a function of a record.

        >>> Rule("code", one_of=("CLUB",)).test()({"code": "CLUB"})
        True
        """
        look = getter(self.field)
        if self.empty is not None:
            wanted = self.empty
            return lambda values: absent(look(values)) is wanted
        among = self.one_of
        return lambda values: any(_same(look(values), value) for value in among)


def _same(value: Any, wanted: Any) -> bool:
    """Equal, and a yes is not the number 1."""
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)


def shown(value: Any) -> str:
    """A value as a person would write it in a table.

    >>> shown(True), shown("CLUB"), shown(5)
    ('Yes', '"CLUB"', '5')
    """
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return f'"{value}"' if isinstance(value, str) else str(value)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: a field (or a constant), where it goes, through which transform, and when."""

    target: str
    source: str = ""
    constant: Any = None
    via: str = ""
    when: Rule | None = None
    note: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)

    @property
    def origin(self) -> str:
        """Where the value comes from, for people."""
        return self.source or shown("" if self.constant is None else self.constant)


@dataclass(frozen=True, slots=True)
class Each:
    """A list in the request, made from a list in the record, one object for each element."""

    source: str
    target: str
    rows: tuple[Row, ...]
    note: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)
