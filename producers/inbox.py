"""What a place where files arrive can do, and how it says that it cannot; an SFTP server and a folder do the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

WAITING = ("pending", "bulk")
"""The folders that files are taken from."""


class Upload(NamedTuple):
    """A file as a listing shows it. Time stamps are only compared with each other: the server's clock may be wrong."""

    folder: str
    name: str
    size: int
    mtime: int


class Away(Exception):
    """The place cannot be reached now; it may be later. `reason` is of a closed set, the message says more."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Locked(Away):
    """The place does not let us in (password, host key): nothing changes until a person has changed something."""


class NotMoved(Away):
    """A file was read, but cannot be put away: `rename_denied`, `disk_full` ..."""


class Vanished(Exception):
    """The file is gone, or is another one by now: nothing of what was read may be used."""


class Inbox(Protocol):
    """One connection's folders. Calls may block for at most the time-out of the place, and raise Away."""

    def look(self) -> list[Upload]:
        """The files in the waiting folders as they are now."""

    def fetch(self, upload: Upload, target: Path) -> None:
        """Copy a file whole. Raises Vanished if it is not the listed one, before or after."""

    def archive(self, upload: Upload, *, refused: bool) -> str:
        """Move a file to the processed (or rejected) folder under a name that was free; the name it has there.

        Raises Vanished if another file stands there by now, which is then left for the next look, and NotMoved.
        """

    def put(self, name: str, source: Path) -> None:
        """Write a file into the rejected folder, whole or not at all, over the same name. Raises NotMoved."""

    def close(self) -> None:
        """Let go of the place."""


class Stillness:
    """Tells which files have stopped changing: same name, size and time stamp in two looks, some time apart."""

    def __init__(self, still: float) -> None:
        self._still = still
        self._since: dict[Upload, float] = {}

    def of(self, uploads: Iterable[Upload], now: float) -> list[Upload]:
        """The uploads that were already there, just so, `still` seconds ago. `now` is monotonic, in seconds.

        >>> watch, file = Stillness(2), Upload("pending", "orders_20250401T000000Z.csv", 10, 1)
        >>> watch.of([file], 0.0), watch.of([file], 1.0), watch.of([file], 2.0) == [file]
        ([], [], True)
        >>> watch.of([file._replace(size=11)], 4.0)
        []
        """
        self._since = {upload: self._since.get(upload, now) for upload in uploads}
        return [upload for upload, since in self._since.items() if now - since >= self._still]

    @property
    def restless(self) -> bool:
        """Is there any file at all, so that another look is worth it soon?"""
        return bool(self._since)


def readable(name: bytes) -> str:
    """A file's name as text; what is not UTF-8 stands as its bytes, and is no name of ours.

    >>> readable("Zürich.csv".encode("windows-1252"))
    'Z\\\\xfcrich.csv'
    """
    return name.decode("utf-8", "backslashreplace")


def free_names(name: str) -> Iterator[str]:
    """Names to try in a folder where nothing may be written over.

    >>> names = free_names("orders_20250401T000000Z.csv")
    >>> next(names), next(names)
    ('orders_20250401T000000Z.csv', 'orders_20250401T000000Z-2.csv')
    """
    yield name
    path = PurePosixPath(name)
    for number in range(2, 1_000):
        yield f"{path.stem}-{number}{path.suffix}"
