"""The kinds of value a setting can be: a time span, a secret, an address, a time zone, a place on disk."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, GetCoreSchemaHandler, PlainValidator, SecretStr, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from tillstream.settings.errors import nearest

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def duration(value: object) -> timedelta:
    """A time span in words: numbers with units (`ms`, `s`, `m`, `h`, `d`).

    >>> duration("7d"), duration("1h30m")
    (datetime.timedelta(days=7), datetime.timedelta(seconds=5400))
    """
    if isinstance(value, timedelta):
        return value
    text = value.replace(" ", "") if isinstance(value, str) else ""
    parts = PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError('should be a number and a unit (ms, s, m, h, d), such as "30s" or "7d"')
    try:
        return timedelta(seconds=sum(float(number) * UNITS[unit] for number, unit in parts))
    except OverflowError:
        raise ValueError("is too long") from None


Duration = Annotated[timedelta, PlainValidator(duration)]
"""A time span, written "30s", "48h", "7d", "1h30m"."""


class SecretError(Exception):
    """The file a secret stands in cannot be read now; the message names key and file, and never the content."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret: its text, or the file it stands in. The field `private_key: Secret` may be given as `private_key_file`.

    Only `read` shows it. A file is read at each call, so that a rotated secret is seen without a restart. `said` is the
    key or variable that names the file.
    """

    source: SecretStr | Path
    said: str = field(default="", repr=False)

    @classmethod
    def of(cls, value: object) -> Secret:
        """A secret from what stands in a table or variable; raises ValueError, which does not repeat it."""
        match value:
            case Secret():
                return value
            case Path():
                return cls(value)
            case SecretStr():
                return cls.of(value.get_secret_value())
            case str() if value.strip():
                return cls(SecretStr(value))
            case str():
                raise ValueError("is empty")
            case _:
                raise ValueError("should be text")

    def read(self) -> str:
        """The secret's text; raises `SecretError` when its file is not there, not ours to read, or empty."""
        if isinstance(self.source, SecretStr):
            return self.source.get_secret_value()
        place = f"{self.said}: {self.source}" if self.said else f"{self.source}"
        try:
            text = self.source.read_text("utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise SecretError(f"{place}: {why}") from None
        if not text:
            raise SecretError(f"{place}: the file is empty")
        return text

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls.of)


class Address(NamedTuple):
    """Where to listen: a host's name or number, and a port (0 = any free one)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(value: object) -> Address:
    """A `host:port` text, `[::1]:9464` for a numeric IPv6 host.

    >>> address("127.0.0.1:9464")
    Address(host='127.0.0.1', port=9464)
    """
    if isinstance(value, Address):
        return value
    host, colon, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if not (host and colon and port.isascii() and port.isdigit() and int(port) < 65_536):
        raise ValueError('should be "host:port", such as "127.0.0.1:9464"')
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


Listen = Annotated[Address, PlainValidator(address)]
"""An address to listen on, written "127.0.0.1:9464"."""


def zone(value: object) -> ZoneInfo:
    """A time zone by its IANA name; raises ValueError with the nearest name.

    >>> zone("Australia/Melbourne")
    zoneinfo.ZoneInfo(key='Australia/Melbourne')
    """
    if isinstance(value, ZoneInfo):
        return value
    known = available_timezones()
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"should be a time zone's IANA name{nearest(str(value), sorted(known))}")
    return ZoneInfo(value)


Zone = Annotated[ZoneInfo, PlainValidator(zone)]
"""A time zone, written "Australia/Melbourne"."""


def below_the_file(value: Path, info: ValidationInfo) -> Path:
    """A path read below the folder in the validation context (`folder`), if there is one."""
    folder = info.context.get("folder") if isinstance(info.context, Mapping) else None
    return (Path(folder) if folder else Path()) / value.expanduser()


Location = Annotated[Path, AfterValidator(below_the_file)]
"""A file or folder; a relative one is relative to the folder of the configuration file."""


def _no_number(value: object) -> object:
    if isinstance(value, int | float):
        raise ValueError("should be text in quotes")  # pydantic would take a number as seconds since 1970 or midnight
    return value


Day = Annotated[date, BeforeValidator(_no_number)]
"""A day, written "2025-01-31"."""

TimeOfDay = Annotated[time, BeforeValidator(_no_number)]
"""A time of day, written "06:30"."""


def start(value: object) -> Literal["earliest", "now"] | date:
    """Where a group begins at its first start: `earliest`, `now`, or a day.

    >>> start("2025-01-31")
    datetime.date(2025, 1, 31)
    """
    if value in ("earliest", "now"):
        return "earliest" if value == "earliest" else "now"
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError('should be "earliest", "now" or a day such as "2025-01-31"') from None


Start = Annotated[Literal["earliest", "now"] | date, PlainValidator(start)]
"""Where a group begins at its first start on orders and rewards."""
