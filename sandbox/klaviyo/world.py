"""Everything one simulated account holds, its clock, and what it will do later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from sandbox.klaviyo.people import People, Profile
from sandbox.web import world
from sandbox.web.answer import Json


@dataclass(frozen=True, slots=True)
class Settings:
    """How the simulated account behaves; `None` for keys means any that begins with `pk_`, for scopes all of them."""

    keys: tuple[str, ...] | None = None
    scopes: tuple[str, ...] | None = None
    limits: bool = True
    overrides: Mapping[str, Sequence[int]] = field(default_factory=dict)  # "POST /api/events" or "*" -> limit
    job_time: float = 0.0  # seconds an import job takes, about; 0 = at once
    lag: float = 0.0  # seconds between a 202 without a job and its effect
    latency: float = 0.0  # seconds before every answer
    timezone: str = "Australia/Melbourne"
    currency: str = "AUD"
    double_opt_in: bool = False  # of subscriptions that name no list
    sms_prefixes: tuple[str, ...] = ("+61", "+64")  # countries with a sending number; none: SMS is not set up
    kept_requests: int = 100_000


@dataclass(slots=True)
class Event:
    """One recorded event; `time` is whole Unix seconds."""

    id: str
    metric: str
    profile: str
    unique: str
    time: int
    properties: Json
    value: float | None
    currency: str | None
    backfill: bool
    received: float


@dataclass(slots=True)
class Job:
    """An asynchronous job that can be asked about: an import or a suppression."""

    id: str
    kind: str
    created: float
    total: int
    lists: tuple[str, ...] = ()
    started: float | None = None
    completed: float | None = None
    done: int = 0
    skipped: int = 0
    errors: list[Json] = field(default_factory=list)

    @property
    def status(self) -> str:
        """Klaviyo's word for where it is."""
        if self.completed is not None:
            return "complete"
        return "queued" if self.started is None else "processing"


@dataclass(slots=True)
class Roll:
    """A list; `double` means double opt-in."""

    id: str
    name: str
    double: bool
    created: float


@dataclass(slots=True)
class Sabotage:
    """What goes wrong with the import jobs to come; each number counts down."""

    fail_rows: int = 0
    fail_emails: frozenset[str] = frozenset()
    never_end: int = 0
    forget: int = 0


@dataclass(slots=True)
class Pending:
    """A double opt-in that waits for the click in its confirmation message."""

    identifiers: Json
    channels: tuple[str, ...]
    roll: str | None
    source: str | None


class World(world.World[Settings]):
    """One account. Only the server's own thread touches it."""

    def reset(self) -> None:
        """Forget everything but the settings and the time."""
        super().reset()
        self.people = People()
        self.rolls: dict[str, Roll] = {}
        self.metrics: dict[str, str] = {}  # id -> name
        self.valued: set[str] = set()  # ids of metrics that have had a value
        self.events: dict[tuple[str, str, str], Event] = {}  # (profile id, metric id, unique id)
        self.jobs: dict[str, Job] = {}
        self.sabotage = Sabotage()
        self.pending: list[Pending] = []
        self.erased: list[str] = []
        self.tallies: dict[str, int] = {}
        self.add_list("Y6nRLr", "In-store customers", double=False)

    def sizes(self) -> Json:
        """How much there is, what was dropped silently, and who was erased."""
        sizes = {"profiles": len(self.people.by_id), "events": len(self.events), "jobs": len(self.jobs)}
        return {"tallies": self.tallies, "erased": self.erased, **sizes}

    def tally(self, what: str, count: int = 1) -> None:
        """Count something a test may ask for."""
        self.tallies[what] = self.tallies.get(what, 0) + count

    def add_list(self, identity: str, name: str, *, double: bool) -> Roll:
        """Make or replace a list."""
        roll = self.rolls[identity] = Roll(identity, name, double, self.now())
        return roll

    def metric(self, name: str) -> str:
        """The id of a metric, made on first use."""
        for identity, known in self.metrics.items():
            if known == name:
                return identity
        identity = f"M{len(self.metrics) + 1:05d}"
        self.metrics[identity] = name
        return identity

    def merge(self, survivor: Profile, other: Profile) -> None:
        """Fold `other` into `survivor`, events and all."""
        for key in [key for key in self.events if key[0] == other.id]:
            event = self.events.pop(key)
            event.profile = survivor.id
            self.events.setdefault((survivor.id, *key[1:]), event)
        self.people.merge(survivor, other, self.now())

    def join(self, profile: Profile, roll: str) -> None:
        """Put a profile on a list; the first date stays."""
        profile.lists.setdefault(roll, self.now())


def stamp(seconds: float | None) -> str | None:
    """A moment as Klaviyo writes it.

    >>> stamp(1755138660.0)
    '2025-08-14T02:31:00+00:00'
    """
    return None if seconds is None else _stamp(int(seconds))


@lru_cache(maxsize=10_000)
def _stamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()
