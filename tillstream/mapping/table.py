"""A mapping table: what you see is what is sent."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tillstream.mapping.check import Draft, Problem, TableErrors, read_draft
from tillstream.mapping.compile import Body, Values, compile_body
from tillstream.mapping.paths import split_path
from tillstream.mapping.rows import Each, Row, Rule
from tillstream.mapping.shapes import Shape, Transforms

__all__ = ["Each", "Row", "Rule", "Shape", "Table", "TableErrors", "read_table"]


@dataclass(frozen=True)
class Table:
    """Rows that make a request body from a record, or an event from a file's row.

    `columns` (their header -> our column), `dates` (our column -> formats), `delimiter` and `encoding` concern files
    only; the last two are empty where nothing was said.
    """

    title: str
    shape: Shape
    transforms: Transforms
    rows: tuple[Row, ...]
    eaches: tuple[Each, ...]
    columns: Mapping[str, str]
    dates: Mapping[str, tuple[str, ...]]
    delimiter: str = ""
    encoding: str = ""

    @cached_property
    def apply(self) -> Callable[[Values], Body]:
        """The function from a record to its body. Missing values are left out, and so are objects without any."""
        return compile_body(self.rows, self.eaches, self.transforms)

    @cached_property
    def version(self) -> str:
        """A hash (32 hex digits) that changes when what is sent may change; notes do not count."""
        said = [_said(row) for row in self.rows]
        lists = [(each.source, each.target, [_said(row) for row in each.rows]) for each in self.eaches]
        files = (sorted(self.columns.items()), sorted(self.dates.items()), self.delimiter, self.encoding)
        return hashlib.blake2b(repr((said, lists, files)).encode(), digest_size=16).hexdigest()

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Every field that a value or a rule is taken from, in the order of the table, each once."""
        rules = ((row.source, row.when.field if row.when else "") for row in self.rows)
        named = [name for pair in rules for name in pair] + [each.source for each in self.eaches]
        return tuple(dict.fromkeys(filter(None, named)))


def read_table(
    text: str, source: Shape, transforms: Transforms, base: Table | None = None, target: Shape | None = None
) -> Table:
    """The table that a TOML text describes, laid over the shipped one (`base`) unless it says `extends = false`.

    `source` is what the rows may read. `target`, where given, is what they may write: then a row that writes under one
    of its open fields (`extra.size`) may read any column. Raises `TableErrors` with every problem and its line.
    """
    draft = read_draft(text, source, transforms, target)
    under = base if base is not None and draft.extends else None
    rows = _over(under.rows, draft.rows) if under else draft.rows
    eaches = _over_lists(under.eaches, draft.eaches) if under else draft.eaches
    if problems := list(_clashes(draft, rows, eaches)):
        raise TableErrors(problems)
    return Table(
        title=draft.title or (base.title if base else ""),
        shape=source,
        transforms=transforms,
        rows=rows,
        eaches=eaches,
        columns={**(under.columns if under else {}), **draft.columns},
        dates={**(under.dates if under else {}), **draft.dates},
        delimiter=draft.delimiter or (under.delimiter if under else ""),
        encoding=draft.encoding or (under.encoding if under else ""),
    )


def _over(shipped: Sequence[Row], own: Sequence[Row]) -> tuple[Row, ...]:
    """Own rows stand where the shipped rows of their target stood; the rest comes at the end."""
    merged = {row.target: [one for one in shipped if one.target == row.target] for row in shipped}
    merged |= {row.target: [one for one in own if one.target == row.target] for row in own}
    return tuple(row for rows in merged.values() for row in rows)


def _over_lists(shipped: Sequence[Each], own: Sequence[Each]) -> tuple[Each, ...]:
    merged = {each.target: each for each in shipped}
    for each in own:
        before = merged.get(each.target)
        same = before is not None and before.source == each.source
        rows = _over(before.rows, each.rows) if before and same else each.rows
        merged[each.target] = Each(each.source, each.target, rows, each.note, each.line)
    return tuple(merged.values())


def _clashes(draft: Draft, rows: Sequence[Row], eaches: Sequence[Each]) -> Iterator[Problem]:
    """Targets of this text that are a value in one place and an object in another."""
    everything: list[Row | Each] = [*rows, *eaches]
    mine: list[Row | Each] = [*draft.rows, *draft.eaches]
    for own in mine:
        inside = [other.target for other in everything if _within(own.target, other.target)]
        if inside:
            yield Problem(own.line, f'"{own.target}" cannot be a value: "{inside[0]}" is a part of it')
        if isinstance(own, Row) and any(each.target == own.target for each in eaches):
            yield Problem(own.line, f'"{own.target}" is a list already')
        above = [other for other in everything if _within(other.target, own.target)]
        if above and above[0] not in mine:
            yield Problem(own.line, f'"{own.target}" cannot be set: "{above[0].target}" is a value already')


def _within(outer: str, inner: str) -> bool:
    long, short = split_path(inner), split_path(outer)
    return len(long) > len(short) and long[: len(short)] == short


def _said(row: Row) -> tuple[Any, ...]:
    rule = (row.when.field, row.when.empty, row.when.one_of) if row.when else None
    return row.target, row.source, row.constant, row.via, rule
