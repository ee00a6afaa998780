"""Show a mapping table as a page that a merchant can read: every target, where it comes from, and how."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from tillstream.mapping.rows import Row
from tillstream.mapping.shapes import Shape
from tillstream.mapping.table import Table


def render(table: Table, title: str = "") -> str:
    """The table as Markdown: its rows, its lists, and a sentence and an example for each transform it uses."""
    return "\n".join(_page(table, title or table.title)) + "\n"


def sentence(transform: Callable[..., Any]) -> str:
    """What a transform does, in the words for merchants: the first line of its docstring."""
    return (inspect.getdoc(transform) or "").partition("\n")[0]


def _page(table: Table, title: str) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield from _rows(table.rows, table.shape)
    for each in table.eaches:
        yield ""
        yield f"### {each.target}"
        yield ""
        yield f"A list with one object for each of `{each.source}`. {each.note}".rstrip()
        yield ""
        yield from _rows(each.rows, table.shape.parts[each.source])
    used = {row.via for rows in (table.rows, *(each.rows for each in table.eaches)) for row in rows if row.via}
    if used:
        yield ""
        yield from _markdown(("transform", "what it does"), _transforms(table, sorted(used)))


def _rows(rows: Sequence[Row], shape: Shape) -> Iterator[str]:
    headings = ("target", "source", "transform", "when", "note")
    yield from _markdown(headings, ([f"`{row.target}`", *_columns(row, shape)] for row in rows))


def _columns(row: Row, shape: Shape) -> list[str]:
    source = f"`{row.source}`" if row.source else f"always {row.origin}"
    via = f"`{row.via}`" if row.via else ""
    return [source, via, str(row.when or ""), row.note or shape.meaning(row.source)]


def _transforms(table: Table, names: Iterable[str]) -> Iterator[list[str]]:
    return ([f"`{name}`", sentence(table.transforms[name])] for name in names)


def _markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _line(headings)
    yield _line(["---"] * len(headings))
    yield from map(_line, rows)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|').replace(chr(10), ' ') for cell in cells)} |"
