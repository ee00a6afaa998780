"""Bring a file whole onto our own disk before anything reads it, so that a half one is never seen."""

from __future__ import annotations

import contextlib
import hashlib
import io
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from producers.files.names import FileName, parse_name
from producers.inbox import Inbox, Upload

if TYPE_CHECKING:
    from typing_extensions import Buffer  # in the standard library only from 3.12 on

CHUNK = 1 << 18


class Spooled(NamedTuple):
    """A file on our own disk: where it came from, where it is, and what its bytes are."""

    upload: Upload
    name: FileName
    path: Path
    sha256: str


class Spool:
    """The folder of one connection's files that are being read; emptied when it is opened.

    Its names are its own: the copy that a former one gave up may end much later, and cleans up after itself.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.iterdir():
            left.unlink(missing_ok=True)
        self._mark = secrets.token_hex(4)

    def fetch(self, inbox: Inbox, upload: Upload) -> Spooled:
        """The file, fetched and hashed. Raises Vanished when the read is void, and Away."""
        name = parse_name(upload.name)
        if name is None:
            raise ValueError(f"{upload.name} is not a name of ours")
        path = self._folder / f"{self._mark}-{upload.folder}-{upload.name}"
        try:
            inbox.fetch(upload, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Spooled(upload, name, path, hashed(path))

    def rejects(self, spooled: Spooled) -> Path:
        """Where its rejected rows are collected."""
        return spooled.path.with_suffix(".rejects")

    def drop(self, spooled: Spooled) -> None:
        """The file is done with."""
        spooled.path.unlink(missing_ok=True)
        self.rejects(spooled).unlink(missing_ok=True)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader]:
    """A file to hand to somebody who wraps it and forgets it: Python warns of a wrapper that goes before its file."""
    with path.open("rb", buffering=0) as stream:
        yield io.BufferedReader(_Lent(stream), CHUNK)


class _Lent(io.RawIOBase):
    """Reads from another stream, which outlives it."""

    def __init__(self, stream: io.RawIOBase) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Buffer, /) -> int | None:
        """The next bytes, as many as fit."""
        return self._stream.readinto(buffer)


def hashed(path: Path) -> str:
    """The SHA-256 of a file's bytes in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
