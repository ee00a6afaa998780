"""Find the clear opt-out in a row that is otherwise rejected: somebody's no goes through whatever else is wrong."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from producers.files.columns import Parser
from producers.files.header import Header
from producers.files.layouts import Consent, Layout
from producers.files.parts import consent_of, parser
from tillstream.mapping.cells import Context
from tillstream.mapping.rows import Row
from tillstream.mapping.unreadable import Unreadable

Json = dict[str, Any]
Rescue = Callable[[Sequence[str]], Json | None]

_REFUSALS = {"privacy": True, "email_opt_in": False, "sms_opt_in": False}
_PERSON = ("person_id", "email", "last_updated")


def rescuer(header: Header, layout: Layout) -> Rescue:
    """The function from a rejected row's cells to the opt-out in them; None = there is none that is clear.

    What it gives are event fields: the refusals, `person_id` or `email` or both, and `last_updated` where it can be
    read. In a row of the wrong length cells may have moved, so there an address has to stand where one belongs.
    """
    place = layout.place
    context = Context(place.country, place.zone, layout.table.dates, place.placeholders)
    rows = {row.target: row for row in layout.rows if row.source in header.places and row.when is None}
    named = {field: rows[field] for field in _PERSON if field in rows}
    person = {field: (header.places[row.source], parser(row, context)) for field, row in named.items()}
    refusals = [
        (header.places[row.source], field, refusal)
        for field, row in rows.items()
        if (refusal := _refusal(row, context, consent_of(layout, row)))
    ]

    def rescue(cells: Sequence[str]) -> Json | None:
        said = {field: refusal(_cell(cells, place)) for place, field, refusal in refusals}
        refused = {field: value for field, value in said.items() if value is not None}
        known = {field: quietly(parse, _cell(cells, place)) for field, (place, parse) in person.items()}
        aligned = len(cells) == len(header.names) or known.get("email")
        if not refused or not aligned or not (known.get("person_id") or known.get("email")):
            return None
        return _gathered({**{field: value for field, value in known.items() if value}, **refused})

    return rescue if layout.kind.name == "customers" else lambda _cells: None


def _refusal(row: Row, context: Context, consent: Consent | None) -> Parser | None:
    """What tells a column's refusals (as the value of its field) from all else (None)."""
    if consent is not None:
        words = {word.strip().lower() for word in consent.no} - {word.strip().lower() for word in consent.yes}
        return lambda text: text if text.lower() in words else None
    if row.target not in _REFUSALS:
        return None
    no, read = _REFUSALS[row.target], parser(row, context)
    return lambda text: no if quietly(read, text) is no else None


def _gathered(values: Mapping[str, Any]) -> Json:
    """Values whose `extra.` names are gathered in the map they belong to."""
    own = {name.partition(".")[2]: value for name, value in values.items() if name.startswith("extra.")}
    plain = {name: value for name, value in values.items() if not name.startswith("extra.")}
    return {**plain, "extra": own} if own else plain


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place].strip() if place < len(cells) else ""


def quietly(parse: Parser, text: str) -> Any:
    """What a cell says, or None where it says nothing that can be read."""
    try:
        return parse(text) if text else None
    except Unreadable:
        return None
