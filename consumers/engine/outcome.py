"""What became of a record, as a value: errors about a record are here, errors about us are exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from consumers.engine.wire import Json

Memory = Mapping[str, Json]
"""What is remembered under the record's key: part of the key ("profile", "order/913748") -> value, None forgets."""


@dataclass(frozen=True, slots=True)
class Emit:
    """A record for a topic of our own, written in the settlement of the record that caused it.

    With `part`, it goes on the group's own replay topic: `value` is plain JSON for the route of that topic and part.
    """

    topic: str
    key: str
    value: Json
    part: str = ""


@dataclass(frozen=True, slots=True)
class Later:
    """Something of our own to do for this key after a while; a newer one with the same topic and part replaces it."""

    topic: str
    part: str
    after: timedelta


@dataclass(frozen=True, slots=True)
class Delivered:
    """The platform said yes. `doubt`: why it may be there twice, "" where it cannot be."""

    remember: Memory = field(default_factory=dict)
    emits: tuple[Emit, ...] = ()
    later: tuple[Later, ...] = ()
    status: int = 0
    call: str = ""
    note: str = ""
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The platform has it already; not one call was needed."""

    remember: Memory = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Superseded:
    """Newer data of the same object was there first."""

    remember: Memory = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A policy said no; the policy has a name that a merchant understands."""

    policy: str
    remember: Memory = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """It will never be accepted as it is: to the dead letters. `reason` is of a closed set, `message` names nobody."""

    reason: str
    message: str
    status: int = 0
    request_id: str = ""
    remember: Memory = field(default_factory=dict)
    emits: tuple[Emit, ...] = ()


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Not now: this lane rests for `after`, then starts again from this record."""

    after: timedelta
    reason: str


OWN_KEY = "key"
"""What wakes a record that waits for something of its own customer: whatever of this key is delivered meanwhile."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """It waits on the shelf, until a time or until something named wakes it; its customer goes on.

    `why` is a word of a closed set, for metrics and people; `told` may say more, to people alone. With a time and
    `wakes=OWN_KEY` it waits for whichever comes first.
    `part` names what is left to do when it wakes (empty: all of it); what is done already is in `remember`.
    """

    why: str
    until: datetime | None = None
    wakes: str = ""
    part: str = ""
    remember: Memory = field(default_factory=dict)
    told: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError where nothing would ever wake it: a record must not be lost on the shelf."""
        if self.until is None and not self.wakes:
            raise ValueError(f"a record was deferred ({self.why}) without a time or an event that wakes it")


Cause = Literal["credentials", "permission", "secret", "account", "version", "setting"]
"""What a person must mend, as metrics name it. `secret`: its file cannot be read; `account`: the platform's own side of
it (a bill, a plan, a lock); `version`: of the API; `setting`: any other, such as an address or a list."""


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """Our key, scope or version is wrong: nothing of this connection goes until a person has mended it.

    `reason` is the sentence for people, `cause` the word for metrics.
    """

    reason: str
    cause: Cause = "setting"


Outcome = Delivered | Unchanged | Superseded | Skipped | Rejected | RetryLater | Deferred | Misconfigured
Final = Delivered | Unchanged | Superseded | Skipped | Rejected
Refusal = Misconfigured | Rejected | RetryLater
"""What an answer that is no yes means."""


def why(refusal: Refusal) -> str:
    """A refusal in a sentence for a person."""
    return refusal.message if isinstance(refusal, Rejected) else refusal.reason


def name(outcome: Outcome) -> str:
    """As the books and metrics call it."""
    match outcome:
        case Rejected():
            return "dead"
        case Deferred() | RetryLater() | Misconfigured():
            return "waiting"
        case _:
            return type(outcome).__name__.lower()
