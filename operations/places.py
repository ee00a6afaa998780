"""Look into the places where files arrive, as the producers would, without taking anything."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from producers.files.names import parse_name, uploading
from producers.folder import FolderInbox
from producers.inbox import WAITING, Away, Inbox, Upload
from producers.sftp import Door
from tillstream.settings import Connection

ANSWER_SECONDS = 10.0


class NoPlace(Away):
    """The connection says nowhere that files arrive, or the folder is not there."""


class Onlooker(FolderInbox):
    """A folder as it stands: who only looks makes nothing in it."""

    def look(self) -> list[Upload]:
        """The files in those of the waiting folders that are there. Raises Away."""
        try:
            return [upload for name in WAITING if self._folders[name].is_dir() for upload in self._list(name)]
        except OSError as error:
            raise Away("unreachable", str(error)) from error


def enter(connection: Connection, *, test: bool = False) -> Inbox:
    """The connection's inbox; with `test`, a server's test folder stands where the pending one does.

    Raises Away (Locked, NoPlace) in words for people. Close it.
    """
    if connection.sftp is not None:
        logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # what it would say is raised as well
        settings = connection.sftp
        door = Door(settings.model_copy(update={"pending": settings.test}) if test else settings, ANSWER_SECONDS)
        return door.open()
    if connection.folder is not None:
        inbox = Onlooker(connection.folder.path, connection.name)
        if not any(path.is_dir() for path in inbox.watched):
            raise NoPlace("no_folder", f"{inbox.watched[0]} is not there")
        return inbox
    raise NoPlace("no_place", "has neither [sftp] nor [folder]: no files are taken")


def look(connection: Connection) -> list[Upload]:
    """The files that wait, whatever their names. Raises Away."""
    inbox = enter(connection)
    try:
        return inbox.look()
    finally:
        inbox.close()


def fetch_test(connection: Connection, name: str, target: Path) -> None:
    """Copy a file of the test folder. Raises Away, also when it is not there."""
    if connection.folder is not None and connection.sftp is None:
        source = connection.folder.path / "test" / connection.name / name
        if Path(name).name != name or not source.is_file():
            raise NoPlace("no_file", f"{source} is not there")
        target.write_bytes(source.read_bytes())
        return
    inbox = enter(connection, test=True)
    try:
        upload = next((one for one in inbox.look() if (one.folder, one.name) == ("pending", name)), None)
        if upload is None:
            raise NoPlace("no_file", f"{name} is not in {connection.sftp and connection.sftp.test}")
        inbox.fetch(upload, target)
    finally:
        inbox.close()


def counts(connections: Iterable[Connection]) -> list[tuple[int | None, str | None]]:
    """How many files of ours wait at each connection, or why nobody can say now. Asks them side by side."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(_count, connections))


def _count(connection: Connection) -> tuple[int | None, str | None]:
    if connection.sftp is None and connection.folder is None:
        return None, None
    try:
        found = look(connection)
    except Away as away:
        return None, str(away)
    return sum(1 for upload in found if not uploading(upload.name) and parse_name(upload.name)), None


def missing(connection: Connection) -> Iterator[tuple[str, str]]:
    """Those of the folders for files that were read which are not there yet, with their paths."""
    if connection.sftp is not None:
        for folder in ("processed", "rejected"):
            path = getattr(connection.sftp, folder)
            try:
                door = Door(connection.sftp.model_copy(update={"pending": path}), ANSWER_SECONDS).open()
            except Away:
                return
            try:
                door.look()
            except Away:
                yield folder, f"{path} is not there or may not be read"
            finally:
                door.close()
    elif connection.folder is not None:
        for folder in ("processed", "rejected"):
            path = connection.folder.path / folder / connection.name
            if not path.is_dir():
                yield folder, f"{path} is not there"
