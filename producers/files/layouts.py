"""How a connection's files of one kind are read: the shipped table, the merchant's own, the connection's facts."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path

from producers.files.header import Wanted, fold
from producers.files.kinds import FILE_KINDS, Kind
from schemas.definitions import definition
from tillstream.mapping.cells import CELLS
from tillstream.mapping.emails import PLACEHOLDERS
from tillstream.mapping.rows import Row
from tillstream.mapping.shapes import Shape, shape_of
from tillstream.mapping.table import Table, read_table
from tillstream.settings.model import Connection

FOLDER = Path(__file__).parent
PROGRAMS = "programs"


@dataclass(frozen=True, slots=True)
class Consent:
    """A merchant's own column that says whether somebody wants messages, and the words for yes and no (any case).

    In a column that holds nothing else any other word rejects the row; in one of ours (a reference code) it says
    nothing.
    """

    column: str
    yes: tuple[str, ...] = ("Yes",)
    no: tuple[str, ...] = ("No",)


@dataclass(frozen=True, slots=True)
class Place:
    """What a connection says about its files.

    `country` (ISO, two letters) is where phone numbers without a country code belong, `currency` (three letters)
    stands where a file names none, `zone` (IANA) is that of the times and `store_zones` of those of some stores by
    code; `placeholders` are addresses that mean none (ending in @: a local part).
    """

    country: str = "AU"
    currency: str = "AUD"
    zone: str = "Australia/Melbourne"
    store_zones: Mapping[str, str] = field(default_factory=dict)
    placeholders: frozenset[str] = PLACEHOLDERS
    consents: tuple[Consent, ...] = ()


def place_of(connection: Connection, consents: Iterable[Consent] = ()) -> Place:
    """What the settings of a connection say about its files; `consents` are those of its platforms."""
    return Place(
        country=connection.country,
        currency=connection.currency,
        zone=connection.timezone.key,
        store_zones={store: zone.key for store, zone in connection.store_zones.items()},
        placeholders=frozenset(text.lower() for text in connection.placeholders),
        consents=tuple(consents),
    )


@dataclass(frozen=True)
class Layout:
    """One kind of file at one connection: all that reading it needs to know."""

    kind: Kind
    table: Table
    place: Place

    @cached_property
    def wanted(self) -> Wanted:
        """What to look for in the header."""
        aliases = {fold(theirs): ours for theirs, ours in self.table.columns.items()}
        own = (fold(consent.column) for consent in self.place.consents)
        return Wanted({*self.table.shape.fields, *self.table.sources, *own}, self.kind.mandatory, aliases)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The table's rows, and one for each column of consent that it does not read."""
        read = {row.source for row in self.table.rows}
        own = [fold(consent.column) for consent in self.place.consents]
        return (*self.table.rows, *(Row(f"extra.{name.lower()}", name) for name in own if name not in read))


def layout(kind: str, place: Place, own_table: str | None = None) -> Layout:
    """The layout of a kind of file; `own_table` is the merchant's TOML text, laid over the shipped table.

    Raises `TableErrors` with everything that is wrong with the merchant's table.
    """
    base = shipped(kind)
    table = base if own_table is None else _folded(read_table(own_table, base.shape, CELLS, base, event_shape(kind)))
    consents = place.consents if kind == "customers" else ()
    return Layout(FILE_KINDS[kind], table, replace(place, consents=consents))


def _folded(table: Table) -> Table:
    """The table with its columns named as the header's are compared: a heading may be written as it stands there."""
    rows = tuple(
        replace(row, source=fold(row.source), when=row.when and replace(row.when, field=fold(row.when.field)))
        for row in table.rows
    )
    columns = {theirs: fold(ours) for theirs, ours in table.columns.items()}
    dates = {fold(column): formats for column, formats in table.dates.items()}
    return replace(table, rows=rows, columns=columns, dates=dates)


@cache
def shipped(kind: str) -> Table:
    """The table that comes with us; its notes are the meanings of the columns."""
    meanings = {row["source"]: row["note"] for row in _toml(kind)["row"]}
    return read_table(_text(kind), Shape(f"a {kind} file", meanings), CELLS, None, event_shape(kind))


@cache
def event_shape(kind: str) -> Shape:
    """What a file of this kind may fill; a row fills one element of a list, whose fields are named as `lines.qty`."""
    topic, items = FILE_KINDS[kind].topic, FILE_KINDS[kind].items
    if topic != PROGRAMS:
        event = shape_of(definition(topic))
        inner = event.parts[items].fields if items else {}
        return event._replace(fields={**event.fields, **{f"{items}.{name}": note for name, note in inner.items()}})
    return Shape("the definition of a tier", {row["target"]: row["note"] for row in _toml(kind)["row"]})


def _text(kind: str) -> str:
    return (FOLDER / f"{kind}.toml").read_text(encoding="utf-8")


def _toml(kind: str) -> dict[str, list[dict[str, str]]]:
    return tomllib.loads(_text(kind))
