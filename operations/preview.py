"""Show what a file would do: its rejected rows, its events, and the requests that would follow. Nothing is sent."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import click
import orjson
from rich.console import Console
from rich.json import JSON
from rich.markup import escape

from consumers.engine.outcome import Deferred, Delivered, Rejected, Skipped, name
from consumers.engine.sink import Account, Sink
from consumers.engine.tables import account_of
from operations import places, platforms, rehearsal, telling
from operations.rehearsal import Paper, Played, Script
from producers.files.names import KINDS, parse_name
from producers.files.values import Refused, Reject
from producers.inbox import Away
from producers.shift import layout_of
from producers.spool import hashed
from tillstream.clock import SYSTEM
from tillstream.settings import Connection, Settings

SHOWN = 20
"""Records shown to people; --json prints all."""
REMOTE = "sftp:"


class Wish(NamedTuple):
    """What was asked for on the command line."""

    file: str
    to: str | None
    connection: str | None
    kind: str | None


class Preview(NamedTuple):
    """What was found."""

    file: str
    script: Script
    played: list[Played]


def run(
    *, settings: Settings, file: str, to: str | None, connection: str | None, kind: str | None, as_json: bool
) -> int:
    """Print what a file would do; 1 when it is refused."""
    wish = Wish(file, to, connection, kind)
    try:
        found = make(settings, wish, platforms.find())
    except Refused as refused:
        return _refused(file, refused.why, as_json=as_json)
    if as_json:
        telling.json(as_told(found))
    else:
        _show(found)
    return 0


def make(settings: Settings, wish: Wish, sinks: Mapping[str, Sink]) -> Preview:
    """The rehearsal of a file. Raises Refused, TableErrors, and click's own where it was asked for wrongly."""
    connection = _connection(settings, wish.connection)
    stage = _stage(settings, connection, wish.to, sinks)
    with tempfile.TemporaryDirectory(prefix="tillstream-") as folder:
        paper = _paper(settings, connection, wish, Path(folder))
        script = rehearsal.rows_to_events(paper, connection)
    return Preview(paper.name, script, list(rehearsal.events_to_requests(script.items, stage)))


def _connection(settings: Settings, wanted: str | None) -> Connection:
    if not settings.connections:
        raise click.UsageError("the configuration names no connection: add [connection.NAME] with its country and zone")
    name = wanted or next(iter(settings.connections))
    if wanted is None and len(settings.connections) > 1:
        click.echo(f"read as a file of {name}; --connection chooses another", err=True)
    return settings.connections[name]


def _stage(
    settings: Settings, connection: Connection, to: str | None, sinks: Mapping[str, Sink]
) -> dict[str, tuple[Sink, Account]]:
    """The platforms that play along: the one asked for, else all that the connection has an account at."""
    if to is not None and to not in connection.platforms:
        raise click.UsageError(f"{connection.name} has no account at {to}: add [connection.{connection.name}.{to}]")
    wanted = [to] if to else [name for name in connection.platforms if name in sinks]
    return {name: (sinks[name], account_of(settings, connection, sinks[name], SYSTEM.now)) for name in wanted}


def _paper(settings: Settings, connection: Connection, wish: Wish, folder: Path) -> Paper:
    path, file = Path(wish.file), Path(wish.file).name
    if wish.file.startswith(REMOTE):
        file, path = wish.file.removeprefix(REMOTE), folder / "fetched.csv"
        try:
            places.fetch_test(connection, file, path)
        except Away as away:
            raise click.ClickException(str(away)) from away
    kind, time = _what(file, wish.kind, path)
    return Paper(path, file, hashed(path), layout_of(kind, connection, settings.mappings.folder), time)


def _what(file: str, wanted: str | None, path: Path) -> tuple[str, datetime]:
    """What a file holds and when it was made: by its name, else as the command line says, made when it was written."""
    named = parse_name(file)
    if named is not None:
        return wanted or named.kind, named.time
    kind = wanted or next((kind for kind in KINDS if file.lower().startswith(kind)), None)
    if kind is None:
        raise click.UsageError(f"the name {file} does not say what it holds: add --type ({', '.join(KINDS)})")
    return kind, datetime.fromtimestamp(int(path.stat().st_mtime), UTC)


def as_told(found: Preview) -> dict[str, Any]:
    """The preview as a program reads it."""
    script, counts = found.script, found.script.counts
    return {
        "file": found.file,
        "rows": counts.rows,
        "accepted": counts.accepted,
        "rejected": counts.rejected,
        "lines_joined": counts.joined,
        "none": dict(counts.none),
        "rescued": counts.rescued,
        "rejects": [_reject(reject) for reject in script.rejects],
        "records": [
            {"topic": item.topic, "key": item.key, "line": item.line, "value": rehearsal.plain(item.record)}
            for item in script.items
        ],
        "requests": [told for played in found.played for told in _requests(played)],
        "outcomes": [
            {"line": played.item.line, "topic": played.item.topic, "to": played.sink, "outcome": _outcome(played)}
            for played in found.played
        ],
    }


def _reject(reject: Reject) -> dict[str, Any]:
    value = reject.value.encode("utf-8", "backslashreplace").decode()
    return {"line": reject.line, "column": reject.column, "value": value, "rule": reject.rule}


def _requests(played: Played) -> Iterator[dict[str, Any]]:
    for request in played.requests:
        asked = {"method": request.method, "path": request.path, "body": request.body}
        query = {"query": dict(request.query)} if request.query else {}
        yield {"line": played.item.line, "to": played.sink, **asked, **query}


def _outcome(played: Played) -> str:
    """What would become of the record if all went well, with its reason."""
    match played.outcome:
        case Delivered():
            return "delivered"
        case Skipped(policy=policy):
            return f"skipped: {policy}"
        case Rejected(reason=reason, message=message):
            return f"dead: {reason}, {message}"
        case Deferred(why=why, until=until, wakes=wakes):
            return f"waiting: {why}, until {until.isoformat() if until else wakes}"
        case other:
            return name(other)


def _refused(file: str, why: tuple[str, ...], *, as_json: bool) -> int:
    if as_json:
        nothing: dict[str, Any] = {
            "rows": 0,
            "accepted": 0,
            "rejected": 0,
            "rejects": [],
            "records": [],
            "requests": [],
        }
        telling.json({"file": Path(file.removeprefix(REMOTE)).name, **nothing, "refused": list(why)})
    else:
        click.echo(f"{file} would be refused, nothing of it would be read:")
        for sentence in why:
            click.echo(f"- {sentence}")
    return 1


def _show(found: Preview) -> None:
    out, counts = telling.console(), found.script.counts
    out.print(
        f"[bold]{escape(found.file)}[/]: {counts.rows} rows, {counts.accepted} accepted, {counts.rejected} rejected"
    )
    if counts.none:
        out.print(f"No record: {', '.join(f'{why} {count}' for why, count in counts.none.items())}")
    if counts.unknown:
        out.print(f"Columns that nothing reads: {escape(', '.join(counts.unknown))}")
    if found.script.rejects:
        columns = ("line", "column", "value", "rule", "why")
        rows = ((str(r.line), r.column, _reject(r)["value"], r.rule, r.detail) for r in found.script.rejects)
        telling.table(out, "Rejected", columns, rows)
    for item in found.script.items[:SHOWN]:
        out.rule(f"line {item.line}: {item.topic}, key {escape(item.key)}", align="left")
        _show_json(
            out, {name: one for name, one in rehearsal.plain(item.record).items() if one not in ("", None, [], {})}
        )
        for played in (one for one in found.played if one.item is item):
            out.print(f"[bold]{played.sink}[/], if all goes well: {escape(_outcome(played))}")
            for request in played.requests:
                _show_request(out, request.method, request.path, request.query, request.body)
    left = len(found.script.items) - SHOWN
    if left > 0:
        out.print(f"... and {left} records more; --json prints all")


def _show_request(out: Console, method: str, path: str, query: tuple[tuple[str, str], ...], body: Any) -> None:
    asked = "".join(f"\n    {field} = {value}" for field, value in query)
    out.print(f"[cyan]{method} {escape(path)}[/]{escape(asked)}", soft_wrap=True)
    if body is not None:
        _show_json(out, body)


def _show_json(out: Console, value: Any) -> None:
    out.print(JSON(orjson.dumps(value).decode(), indent=2), soft_wrap=True)
