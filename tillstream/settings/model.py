"""The configuration as values: what each table holds, its defaults and its limits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, PrivateAttr, create_model, model_validator

from tillstream.settings.block import Block, Refusal
from tillstream.settings.kafka import Kafka
from tillstream.settings.kinds import Address, Day, Duration, Listen, Location, Secret, TimeOfDay, Zone, zone

FOLDERS = ("pending", "processed", "rejected", "bulk", "test")
DAYS = timedelta(days=1)
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Port = Annotated[int, Field(ge=1, le=65_535)]


def shaped(pattern: str, what: str) -> AfterValidator:
    """A validator of a text's shape whose message a shopkeeper understands."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(what)
        return text

    return AfterValidator(check)


def _address(text: str) -> str:
    """An address that somebody can be asked at: no client takes another, and a worker would stop for it."""
    try:
        found = urlsplit(text)
        right = re.fullmatch(r"https?://[^\s?#\\]+", text) and found.hostname and found.port != 0
    except ValueError:  # of the brackets of a numeric host, or of the port
        right = False
    if not right:
        raise ValueError('should be an address such as "https://api.example.com"')
    return text


Country = Annotated[str, shaped("[A-Z]{2}", 'should be two capital letters, such as "AU"')]
Currency = Annotated[str, shaped("[A-Z]{3}", 'should be three capital letters, such as "AUD"')]
ConnectionName = Annotated[str, shaped("[a-z0-9-]+", "a connection's name has small letters, digits and dashes only")]
Prefix = Annotated[str, shaped("[A-Za-z0-9._-]{0,100}", "should have letters, digits and . _ - only")]
Text = Annotated[str, shaped(r"(?s).*\S.*", "is empty")]
Url = Annotated[str, AfterValidator(_address)]
Public = Annotated[str, shaped(r"(https?://[^/\s]\S*)?", 'should be an address such as "https://hooks.example.com"')]


def _trusted(kept: timedelta) -> timedelta:
    if kept < 7 * DAYS:  # `TOMBSTONES_KEPT` of tillstream.kafka.state: what was forgotten meanwhile would come back
        raise ValueError("should be at least 7d: for so long a local store is trusted")
    return kept


class Registry(Block):
    """The schema registry; without `url` events carry the fingerprint of a schema we ship. It may hold a password."""

    url: Secret | None = None


class Topics(Block):
    """What our topics are called and how long they keep what they hold."""

    prefix: Prefix = ""
    partitions: Count = 12
    replication: Count = 1
    keep_events: Duration = 14 * DAYS
    keep_replays: Duration = 14 * DAYS
    keep_dead_letters: Duration = 90 * DAYS
    keep_receipts: Duration = 90 * DAYS
    keep_tombstones: Annotated[Duration, AfterValidator(_trusted)] = 7 * DAYS
    segment_bytes: Annotated[int, Field(ge=1_048_576)] = 67_108_864
    segment_age: Duration = timedelta(hours=6)
    dirty_ratio: Share = 0.1
    compact_within: Duration = DAYS


class State(Block):
    """Where the local stores, the spool and the ids of this machine are."""

    folder: Location = Path("state")


class Mappings(Block):
    """Where a merchant's own mapping tables are."""

    folder: Location = Path("mappings")


class Webhooks(Block):
    """Where the platforms' calls are taken; `public` is the address by which they reach us, empty: `listen`."""

    listen: Listen = Address("127.0.0.1", 8088)
    public: Public = ""

    @property
    def address(self) -> str:
        """What stands before /webhooks in an address to give to a platform."""
        return self.public.rstrip("/") or f"http://{self.listen}"


class Console(Block):
    """Where the web page is shown."""

    listen: Listen = Address("127.0.0.1", 8080)


class Http(Block):
    """Where metrics and health are told."""

    listen: Listen = Address("127.0.0.1", 9464)


class Engine(Block):
    """How the worker of every sink runs, and when it gives up."""

    in_flight: Count = 100
    unsettled: Count = 500
    read_ahead: Count = 20_000
    drain: Duration = timedelta(seconds=20)
    exhausted_after: Duration = DAYS
    dead_letter_run: Count = 100
    dead_letter_ratio: Share = 0.2

    @classmethod
    def refuse(cls, table: Mapping[str, Any]) -> Iterator[Refusal]:
        """Refuse what would make `unsettled` a limit that nobody can keep."""
        in_flight, unsettled = (table.get(key, cls.model_fields[key].default) for key in ("in_flight", "unsettled"))
        if isinstance(in_flight, int) and isinstance(unsettled, int) and unsettled < in_flight:
            yield Refusal("unsettled", f"should be at least in_flight, {in_flight}")


class Sftp(Block):
    """The server where a connection's files arrive. The five folders follow from the connection's name."""

    host: Text
    port: Port = 22
    username: Text
    password: Secret | None = None
    private_key: Secret | None = None
    known_hosts_file: Location | None = None
    host_key: str | None = None
    pending: str
    processed: str
    rejected: str
    bulk: str
    test: str
    poll: Duration = timedelta(seconds=30)
    still: Duration = timedelta(seconds=2)

    @classmethod
    def refuse(cls, table: Mapping[str, Any]) -> Iterator[Refusal]:
        """Refuse a server that nobody proves to be ours, or that we cannot enter."""
        if not table.keys() & {"password", "password_file", "private_key", "private_key_file"}:
            yield Refusal("", "needs password or private_key_file")
        hosts = table.keys() & {"known_hosts_file", "host_key"}
        if len(hosts) != 1:
            yield Refusal("", "needs one of known_hosts_file and host_key, not both")


class FolderSource(Block):
    """A folder on this machine (or mounted on it) that holds `pending/<connection>` and its neighbours."""

    path: Location
    poll: Duration = timedelta(seconds=30)
    still: Duration = timedelta(seconds=2)


class Connection(Block):
    """One brand in one country: one folder of files, and at most one account per platform."""

    platform_names: ClassVar[tuple[str, ...]] = ()

    country: Country = "AU"
    currency: Currency = "AUD"
    timezone: Zone = zone("Australia/Melbourne")
    store_zones: Mapping[str, Zone] = Field(default_factory=dict)
    web_stores: tuple[str, ...] = ("WEB",)
    gift_card_styles: tuple[str, ...] = ("GIFTCARD",)
    placeholders: tuple[str, ...] = (
        *("n/a", "na", "none", "null", "-", "x"),
        *("none@", "noemail@", "no-email@", "noreply@", "unknown@"),
    )
    order_wait: Duration = 7 * DAYS
    orders_since: Day | None = None
    expect: TimeOfDay | None = None
    sftp: Sftp | None = None
    folder: FolderSource | None = None

    _name: str = PrivateAttr(default="")

    @classmethod
    def refuse(cls, table: Mapping[str, Any]) -> Iterator[Refusal]:
        """Refuse to guess the money and the clock of another country than ours."""
        if re.fullmatch("(?!AU)[A-Z]{2}", str(table.get("country"))):
            for key in ("currency", "timezone"):
                if key not in table:
                    yield Refusal(key, "is missing (only for country AU there is a default)")

    @property
    def name(self) -> str:
        """The connection's name, as in topics' keys, folders and metrics."""
        return self._name

    @property
    def platforms(self) -> dict[str, BaseModel]:
        """The accounts of this connection: a platform's name -> its settings."""
        accounts = {name: getattr(self, name) for name in self.platform_names}
        return {name: account for name, account in accounts.items() if account is not None}


class Settings(Block):
    """The whole configuration."""

    kafka: Kafka = Kafka({})
    registry: Registry = Registry()
    topics: Topics = Topics()
    state: State = State()
    mappings: Mappings = Mappings()
    webhooks: Webhooks = Webhooks()
    console: Console = Console()
    http: Http = Http()
    engine: Engine = Engine()
    connections: dict[ConnectionName, Connection] = Field(default={}, alias="connection")

    @model_validator(mode="before")
    @classmethod
    def _folders(cls, table: Any) -> Any:
        """Read our own folders even where none is written; name those of a server after its connection."""
        if not isinstance(table, Mapping):
            return table
        table = {"state": {}, "mappings": {}, **table}
        connections = table.get("connection", {})
        if not isinstance(connections, Mapping):
            return table
        return {**table, "connection": {name: _with_folders(name, one) for name, one in connections.items()}}

    @model_validator(mode="after")
    def _names(self) -> Self:
        for name, connection in self.connections.items():
            connection._name = name
        return self


def _with_folders(name: str, connection: Any) -> Any:
    sftp = connection.get("sftp") if isinstance(connection, Mapping) else None
    if not isinstance(sftp, Mapping):
        return connection
    return {**connection, "sftp": {**{folder: f"/{folder}/{name}" for folder in FOLDERS}, **sftp}}


def settings_model(platforms: Mapping[str, type[BaseModel]]) -> type[Settings]:
    """The model of a configuration whose connections may hold these platforms' tables."""
    return _settings_model(tuple(platforms.items()))


@cache
def _settings_model(platforms: tuple[tuple[str, type[BaseModel]], ...]) -> type[Settings]:
    accounts: dict[str, Any] = {name: (model | None, None) for name, model in platforms}
    names = tuple(name for name, _ in platforms)
    connection = create_model("Connection", __base__=Connection, **accounts)
    connection.platform_names = names
    named = dict[ConnectionName, connection]  # type: ignore[valid-type]  # made just above
    return create_model("Settings", __base__=Settings, connections=(named, Field(default={}, alias="connection")))
