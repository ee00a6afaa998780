"""What a platform's `poll.py` holds: how often to look at what changed there, and a plan that makes events of it.

A look reads one portion of what changed since a position and says where the next one begins. What it says is settled
in one transaction: its events, what is to be remembered, the position. A look that cannot be made changes nothing and
is made again from the same position.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator

from consumers.engine.outcome import Refusal
from consumers.engine.sink import Account
from consumers.engine.wire import Json, Plan, objects
from consumers.webhooks import Event

BETWEEN = "\x1f"
"""The unit separator, which stands in no name."""

Every = timedelta | time | None
"""So long between two looks; or daily at this time by the connection's clock; or never."""

Known = Callable[[str], str]
"""What this poll of this connection remembered under a short name, "" for nothing.

Looks of one poll follow each other: what one remembers, the next one knows. Persons of Apparel21 stand under
`person/ID`. An erasure leaves of whatever names an erased address only what stands before the first unit separator
(`BETWEEN`), which must name nobody.
"""


class Told(NamedTuple):
    """What one person or customer that was read became: events, or none and why (`unchanged`, `seen`, `no_email` ...).

    `remember`: short name -> text, "" forgets. It is kept only with the events.
    """

    events: tuple[Event, ...] = ()
    none: str = ""
    remember: Mapping[str, str] = {}


class Look(NamedTuple):
    """What a look found: a line for each that was read, where the next look begins, and whether to look again at once.

    `position` is JSON, kept as it is; None at the very first look. `now` of the next one may be long after.
    """

    read: tuple[Told, ...] = ()
    position: Json = None
    more: bool = False

    @property
    def events(self) -> tuple[Event, ...]:
        """All events, in order."""
        return tuple(event for told in self.read for event in told.events)


@dataclass(frozen=True, slots=True)
class Poll:
    """A platform's poll. `name` is what its memory and its books are called by: `apparel21-poll`, `yotpo-comparison`;
    `topic` the one that its events are for."""

    name: str
    topic: str
    every: Callable[[Any], Every]
    look: Callable[[Account, Json, datetime, Known], Plan[Look | Refusal]]


_NIGHTLY = re.compile(r"never|([01]\d|2[0-3]):[0-5]\d")


def _nightly(text: str) -> str:
    if not _NIGHTLY.fullmatch(text):
        raise ValueError('should be a time of day such as "03:30", or "never"')
    return text


Nightly = Annotated[str, AfterValidator(_nightly)]
"""When a platform is compared: "03:30" (in the connection's time zone), or "never"."""


GOOD_FOR = timedelta(minutes=15)
"""So old a cursor is still followed. One that a platform refuses until then is given up, and its list begun anew."""


def cursor(position: Mapping[str, Json], now: datetime) -> str:
    """Where in a list to go on: the `cursor` that was handed out `at` a time (ISO 8601); "" at its beginning."""
    at = position.get("at")
    return str(position["cursor"]) if at and now - datetime.fromisoformat(at) < GOOD_FOR else ""


def listed(body: Json, name: str) -> list[dict[str, Json]] | None:
    """The objects of a page: of a list under this name, or of a bare one; None where there is no list."""
    found = body.get(name) if isinstance(body, dict) else body
    return objects(found) if isinstance(found, list) else None


def nightly(settings: Any) -> time | None:
    """The merchant's `compare`: a time of day, None for never."""
    return None if settings.compare == "never" else time.fromisoformat(settings.compare)
