"""What the commands have in common: the configuration, moments, names that must exist, and who does the work."""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar, cast

import click

if TYPE_CHECKING:
    from tillstream.settings import Address, Settings

DONE, FAILED, WRONG = 0, 1, 2

Command = TypeVar("Command", bound=Callable[..., Any])


class Letters(NamedTuple):
    """Which dead letters of a group: None means any. `start` is taken in, `end` is left out."""

    group: str
    reason: str | None
    start: datetime | None
    end: datetime | None
    key: str | None


class Records(NamedTuple):
    """Which records of a topic, for which group: None means any. `file` is a name or a sha-256."""

    group: str
    topic: str
    start: datetime | None
    end: datetime | None
    key: str | None
    file: str | None


def moment(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    """ISO 8601 (UTC where it names no offset), or a time span ago such as `2h`; becomes an aware UTC datetime."""
    from tillstream.settings.kinds import duration  # noqa: PLC0415 - pydantic is slow to start

    if value is None:
        return None
    try:
        if value[-1:] in {"s", "m", "h", "d"}:
            return datetime.now(UTC) - duration(value)
        read = datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value!r} is neither ISO 8601 (2025-01-31T09:00Z) nor a time ago (2h)") from None


def config(command: Command) -> Command:
    """The option `--config`, which may stand before and after the name of a command."""
    told = "Configuration file (else TILLSTREAM_CONFIG, else ./tillstream.toml)."
    return click.option("--config", type=click.Path(path_type=Path), expose_value=False, callback=_keep, help=told)(
        command
    )


def _keep(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.find_root().obj = value


def role(command: Command) -> Command:
    """A command that works until it is stopped; an order to stop that comes before its work has begun is one, too."""

    @functools.wraps(command)
    def told(*given: Any, **named: Any) -> None:
        try:
            command(*given, **named)
        except KeyboardInterrupt:
            end(DONE)

    return cast("Command", told)


def settings(context: click.Context) -> Settings:
    """The configuration; what is wrong with it is printed, all of it, and the command ends."""
    from operations import platforms  # noqa: PLC0415 - `--help` needs no platform
    from tillstream.settings import SettingsErrors, load  # noqa: PLC0415 - nor pydantic

    try:
        accounts = {name: sink.settings for name, sink in platforms.find().items()}
        return load(context.find_root().obj, os.environ, accounts)
    except SettingsErrors as errors:
        refuse(str(errors))


def step(name: str, function: str = "run") -> Callable[..., int | None]:
    """The function that does a command's work, from `operations/<name>.py`; it returns the exit code (None: 0)."""
    return plainly(getattr(importlib.import_module(f"operations.{name}"), function))


def plainly(work: Callable[..., int | None]) -> Callable[..., int | None]:
    """The same work; a table, a secret or an option of Kafka that cannot be used is told like any other wrong
    configuration, and a port that is taken, or a file or folder that cannot be used, in a line of its own."""
    from tillstream.health import PortTakenError  # noqa: PLC0415 - nor a server
    from tillstream.kafka.client import WrongOptions  # noqa: PLC0415 - nor Kafka
    from tillstream.mapping.check import TableErrors  # noqa: PLC0415 - `--help` needs no tables
    from tillstream.settings import SecretError  # noqa: PLC0415 - nor pydantic

    def told(**given: Any) -> int | None:
        try:
            return work(**given)
        except (TableErrors, SecretError, WrongOptions) as error:
            refuse(str(error))
        except PortTakenError as error:
            click.echo(f"tillstream: {error}: name another with --port (0: any free one)", err=True)
        except OSError as error:
            if error.filename is None:
                raise
            click.echo(f"tillstream: {error.filename}: {error.strerror}", err=True)
        return FAILED

    return told


def end(code: int | None) -> NoReturn:
    """End the command with the code of its step."""
    raise click.exceptions.Exit(code or DONE)


def refuse(message: str) -> NoReturn:
    """End the command: it was used or configured wrongly, as the message says."""
    click.echo(message, err=True)
    raise click.exceptions.Exit(WRONG)


def not_configured(tables: Iterable[str], connection: str | None = None) -> int:
    """Say that no connection (or not the one asked for) has any of these tables; the exit code."""
    which = " or ".join(f"[connection.{connection or 'NAME'}.{table}]" for table in tables)
    return lacking(f"{which} table", connection)


def lacking(what: str, connection: str | None) -> int:
    """Say that no connection (or not the one asked for) has what a role needs; the exit code."""
    whose = f"connection {connection} has no" if connection else "no connection has a"
    click.echo(f"tillstream: {whose} {what}", err=True)
    return WRONG


def sink(name: str) -> str:
    """The name of a platform, or the end of the command."""
    from operations import platforms  # noqa: PLC0415 - `--help` needs no platform

    return one_of(name, platforms.find(), "platform")


def one_of(name: str, known: Iterable[str], kind: str) -> str:
    """A name that must be known; else a wrong use, with the nearest one that is, or all of them."""
    from tillstream.settings.errors import nearest  # noqa: PLC0415 - its package brings pydantic

    names = sorted(known)
    if name not in names:
        hint = nearest(name, names) or f" (there is {', '.join(names)})" * bool(names)
        raise click.UsageError(f"there is no {kind} {name!r}{hint}")
    return name


def on_port(listen: Address, port: int | None) -> Address:
    """Where to listen: as configured, or on the port the command line names (0 = any free one)."""
    return listen if port is None else listen._replace(port=port)
