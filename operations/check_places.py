"""Look at the places where files arrive: are we let in, are the folders there, what would be taken of what waits?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from consumers.engine.sink import Finding
from operations import places
from producers.files.layouts import Layout
from producers.files.names import KINDS, PATTERN, parse_name, turn, uploading
from producers.files.reader import read
from producers.files.values import Refused
from producers.inbox import Away, Inbox, Locked, Upload, Vanished
from producers.shift import layouts_of
from producers.spool import opened
from tillstream.mapping.check import TableErrors
from tillstream.settings import Connection, Settings

MOST_OPENED = 10
LARGEST_OPENED = 5 << 20
"""Only so many files, of at most so many bytes, are fetched to look at their headers."""

REMEDY = {
    "password": "mend username and password (or private_key_file)",
    "secret": "mend password_file or private_key_file",
    "host_key": "ask the server's owner for its key, and put it into known_hosts_file or host_key",
    "unreachable": "look at host, port and the firewall between",
    "timeout": "look at the server and the network between",
    "no_folder": "make the folder, or name the right one",
}


def findings(settings: Settings, connection: Connection) -> Iterator[Finding]:
    """The place of one connection; nothing where it has none."""
    if connection.sftp is None and connection.folder is None:
        return
    what = f"{connection.name}: {'SFTP server' if connection.sftp else 'folder'}"
    try:
        inbox = places.enter(connection)
    except Away as away:
        yield _away(what, away)
        return
    try:
        yield Finding(what, True, "host key and login are right" if connection.sftp else "")
        yield from _waiting(settings, connection, inbox)
    except Away as away:
        yield _away(f"{connection.name}: waiting files", away)
    finally:
        inbox.close()
    yield from _others(connection)


def _away(what: str, away: Away) -> Finding:
    lasting = " (this does not mend itself)" if isinstance(away, Locked) else ""
    remedy = REMEDY.get(away.reason)
    return Finding(what, False, f"{away}{lasting}{f': {remedy}' if remedy else ''}")


def _waiting(settings: Settings, connection: Connection, inbox: Inbox) -> Iterator[Finding]:
    found = inbox.look()
    ours = {upload: name for upload in found if not uploading(upload.name) and (name := parse_name(upload.name))}
    refused = dict(_refused(settings, connection, inbox, list(ours)))
    taken = sorted(ours.keys() - refused.keys(), key=lambda one: turn(ours[one]))
    left = [one for one in found if one not in ours]
    count = f"{len(taken)} would be taken, {len(left)} left{f', {len(refused)} refused' if refused else ''}"
    told = [f"{_place(one)}: would be taken" for one in taken]
    told += [
        f"{_place(one)}: left in place, {'still being written' if uploading(one.name) else 'not a name of ours'}"
        for one in left
    ]
    if not all(uploading(one.name) for one in left):
        told.append(f"names of ours are {PATTERN}, the time in UTC, TYPE one of {', '.join(KINDS)}")
    yield Finding(f"{connection.name}: waiting files", True, "\n".join([count, *told]))
    for upload, why in refused.items():
        yield Finding(f"{connection.name}: {_place(upload)}", False, f"would be refused: {'; '.join(why)}")


def _place(upload: Upload) -> str:
    return f"{upload.folder}/{upload.name}"


def _refused(
    settings: Settings, connection: Connection, inbox: Inbox, uploads: list[Upload]
) -> Iterator[tuple[Upload, tuple[str, ...]]]:
    """Files whose header alone would have them refused, and why."""
    try:
        layouts = layouts_of(connection, settings.mappings.folder)
    except TableErrors:
        return  # told with the tables
    small = [upload for upload in uploads if upload.size <= LARGEST_OPENED][:MOST_OPENED]
    with tempfile.TemporaryDirectory(prefix="tillstream-") as folder:
        for upload in small:
            why = _why_refused(layouts, inbox, upload, Path(folder) / "fetched.csv")
            if why:
                yield upload, why


def _why_refused(layouts: dict[str, Layout], inbox: Inbox, upload: Upload, target: Path) -> tuple[str, ...]:
    name = parse_name(upload.name)
    if name is None:
        return ()
    try:
        inbox.fetch(upload, target)
    except Vanished:
        return ()
    with opened(target) as stream:
        try:
            read(stream, layouts[name.kind], name.time, target.parent)
        except Refused as refused:
            return refused.why
    return ()


def _others(connection: Connection) -> Iterator[Finding]:
    """The folders that files are moved to: the first file makes them, if the user may."""
    for folder, problem in places.missing(connection):
        yield Finding(f"{connection.name}: {folder}", True, f"{problem}: made with the first file, if the user may")
