"""Turn a row's cells into the values of an event, by parsers that are chosen once, when the header has been read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from producers.files.values import Note
from tillstream.mapping.rows import Row as TableRow
from tillstream.mapping.unreadable import Unreadable

Parser = Callable[[str], Any]


class Fault(NamedTuple):
    """The cell for which a row is rejected."""

    place: int
    value: str
    rule: str


class Column(NamedTuple):
    """A column that is read by a parser: where it stands, its name, what it fills, and whether it decides over the row.

    A parser gives None for a text that stands for nothing and raises `Unreadable`.
    """

    place: int
    name: str
    field: str
    parse: Parser
    decides: bool


class Branch(NamedTuple):
    """One of several rows for one field: where `test` is true of the row's cells, a column or a constant fills it."""

    test: Callable[[Mapping[str, Any]], bool] | None
    field: str
    constant: Any
    column: Column | None


@dataclass(frozen=True, slots=True)
class Part:
    """The columns that fill one object: the event itself, or one element of its list.

    `empty` is the object that no cell fills, `fresh` makes what two objects may not share; `filled` are the places
    that may not be blank; `texts` are the columns taken as they are (place, field); `chosen` are the fields with
    rules, which look at cells by `places`; `extra` are the fields (`extra.vip`) gathered in one map of texts.
    """

    empty: Mapping[str, Any]
    fresh: tuple[tuple[str, Callable[[], Any]], ...]
    filled: tuple[int, ...]
    texts: tuple[tuple[int, str], ...]
    parsed: tuple[Column, ...]
    chosen: tuple[tuple[Branch, ...], ...]
    extra: tuple[str, ...]
    places: Mapping[str, int]

    def take(self, cells: Sequence[str], line: int, notes: list[Note]) -> dict[str, Any] | Fault:
        """The object that a row fills, or the first cell that forbids it; a cell that decides nothing is noted.

        The cells have no blanks around them.
        """
        for place in self.filled:
            if not cells[place]:
                return Fault(place, "", "empty")
        values = dict(self.empty)
        for field, fresh in self.fresh:
            values[field] = fresh()
        for place, field in self.texts:
            values[field] = cells[place]
        columns = (*self.parsed, *self._pick(cells, values)) if self.chosen else self.parsed
        for place, name, field, parse, decides in columns:
            text = cells[place]
            if text:
                try:
                    value = parse(text)
                except Unreadable as error:
                    if decides:
                        return Fault(place, text, error.rule)
                    notes.append(Note(line, name, text, error.rule))
                else:
                    if value is not None:
                        values[field] = value
        if self.extra:
            own = {name.partition(".")[2]: values.pop(name, None) for name in self.extra}
            values["extra"] = {name: _text(value) for name, value in own.items() if value not in (None, "")}
        return values

    def _pick(self, cells: Sequence[str], values: dict[str, Any]) -> list[Column]:
        """The columns whose rules are true of this row; constants are filled in at once."""
        named = {column: cells[place] for column, place in self.places.items()}
        true = [next((b for b in branches if b.test is None or b.test(named)), None) for branches in self.chosen]
        values.update((branch.field, branch.constant) for branch in true if branch and branch.column is None)
        return [branch.column for branch in true if branch and branch.column]


def compile_part(
    rows: Iterable[TableRow],
    places: Mapping[str, int],
    column: Callable[[TableRow], Column],
    empty: Mapping[str, Any],
    filled: Iterable[str],
) -> Part:
    """The part that table rows fill in a file that has their columns, at `places`; `column` binds one to its parser."""
    by_field: dict[str, list[TableRow]] = {}
    for row in rows:
        by_field.setdefault(row.target, []).append(row)
    alone = {field: same[0] for field, same in by_field.items() if len(same) == 1 and not same[0].when}
    columns = [column(row) for row in alone.values() if row.source]
    plain = [found for found in columns if found.parse is str]
    return Part(
        empty={**empty, **{field: row.constant for field, row in alone.items() if not row.source}},
        fresh=tuple((field, type(value)) for field, value in empty.items() if isinstance(value, list | dict)),
        filled=tuple(places[name] for name in filled if name in places),
        texts=tuple((found.place, found.field) for found in plain),
        parsed=tuple(found for found in columns if found.parse is not str),
        chosen=tuple(tuple(_branch(r, column) for r in same) for field, same in by_field.items() if field not in alone),
        extra=tuple(field for field in by_field if field.startswith("extra.")),
        places=places,
    )


def _branch(row: TableRow, column: Callable[[TableRow], Column]) -> Branch:
    test = row.when.test() if row.when else None
    return Branch(test, row.target, row.constant, column(row) if row.source else None)


def _text(value: Any) -> str:
    """A value as the map of the merchant's own columns holds it."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(value)
