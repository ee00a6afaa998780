"""Which columns of one file fill what: compiled when the header is known, once for every time zone and country met."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from producers.files.columns import Column, Parser, Part, compile_part
from producers.files.header import Header, fold
from producers.files.layouts import PROGRAMS, Consent, Layout
from schemas.definitions import ENVELOPE, blank, default, definition, record_within
from tillstream.mapping.cells import Context, bind
from tillstream.mapping.countries import region
from tillstream.mapping.rows import Row
from tillstream.mapping.unreadable import Unreadable

Json = dict[str, Any]


class Pair(NamedTuple):
    """What fills the event itself, and what fills one element of its list, if it has one."""

    head: Part
    item: Part | None


class Parts:
    """The compiled columns of one file."""

    def __init__(self, header: Header, layout: Layout) -> None:
        kind = layout.kind
        prefix = f"{kind.items}."
        rows = [row for row in layout.rows if not row.source or row.source in header.places]
        inner = [row for row in rows if kind.items and row.target.startswith(prefix)]
        self._layout, self._header = layout, header
        self._head_rows = [row for row in rows if row not in inner]
        self._item_rows = [replace(row, target=row.target.removeprefix(prefix)) for row in inner]
        self._store = header.places.get(kind.zone_column) if layout.place.store_zones else None
        self._country = header.places.get(kind.country_column)
        self._pairs: dict[tuple[str, str], Pair] = {}

    @property
    def head_places(self) -> tuple[int, ...]:
        """Where the columns stand that a list's rows repeat."""
        return tuple(sorted(set(self._header.places.values()) - set(self.item_places)))

    @property
    def item_places(self) -> tuple[int, ...]:
        """Where the columns stand that fill an element of the list."""
        return tuple(sorted({self._header.places[row.source] for row in self._item_rows if row.source}))

    def pair(self, cells: Sequence[str]) -> Pair:
        """What reads a row of this store and country; the cells have no blanks around them."""
        place = self._layout.place
        zone = place.zone if self._store is None else place.store_zones.get(cells[self._store], place.zone)
        country = place.country if self._country is None else region(cells[self._country]) or place.country
        pair = self._pairs.get((zone, country))
        if pair is None:
            pair = self._pairs[zone, country] = self._compile(zone, country)
        return pair

    def _compile(self, zone: str, country: str) -> Pair:
        context = Context(country, zone, self._layout.table.dates, self._layout.place.placeholders)
        kind = self._layout.kind
        inner = {row.source for row in self._item_rows}
        head = self._part(self._head_rows, context, empty_event(self._layout, zone), set(kind.filled) - inner)
        if not kind.items:
            return Pair(head, None)
        empty = empty_item(kind.topic, kind.items)
        return Pair(head, self._part(self._item_rows, context, empty, set(kind.filled) & inner))

    def _part(self, rows: Sequence[Row], context: Context, empty: Json, filled: Iterable[str]) -> Part:
        def column(row: Row) -> Column:
            place = self._header.places[row.source]
            consent = consent_of(self._layout, row) if row.target.startswith("extra.") else None
            decides = row.source in self._layout.kind.decides or consent is not None
            parse = said(consent) if consent else parser(row, context)
            return Column(place, self._header.names[place], row.target, parse, decides)

        return compile_part(rows, self._header.places, column, empty, filled)


def parser(row: Row, context: Context) -> Parser:
    """How a table row's cells are read; `str` itself stands for plain text."""
    return str if row.via in ("", "text") else bind(row.via, context, row.source)


def consent_of(layout: Layout, row: Row) -> Consent | None:
    """The words for yes and no in a column that the table takes as it is, of all the platforms that ask for it."""
    named = [consent for consent in layout.place.consents if fold(consent.column) == row.source]
    if row.via or not named:
        return None
    return Consent(row.source, sum((one.yes for one in named), ()), sum((one.no for one in named), ()))


def said(consent: Consent) -> Parser:
    """A reader that knows the words for yes and no, and no others."""
    known = {word.strip().lower() for word in (*consent.yes, *consent.no)}

    def read(text: str) -> str:
        if text.lower() not in known:
            raise Unreadable("consent")
        return text

    return read


def empty_event(layout: Layout, zone: str) -> Json:
    """The content fields of an event before any cell has filled one."""
    kind = layout.kind
    if kind.topic == PROGRAMS:
        return {row.target: None if row.via not in ("", "text", "id") else "" for row in layout.table.rows}
    fields = {name: value for name, value in blank(kind.topic).items() if name not in ENVELOPE}
    return {**fields, **kind.constants, "zone": zone}


def empty_item(topic: str, items: str) -> Json:
    """One element of an event's list before any cell has filled a field of it."""
    avro = next(field["type"] for field in definition(topic)["fields"] if field["name"] == items)
    return {field["name"]: default(field) for field in (record_within(avro) or {})["fields"]}
