"""Take files from a folder of this machine; a watcher wakes us, and looking from time to time is the net below it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from producers.inbox import WAITING, Away, NotMoved, Upload, Vanished, free_names, readable
from tillstream.logs import logger

LOG = logger(__name__)


class FolderInbox:
    """`<root>/pending/<connection>` and its neighbours; missing folders are made."""

    def __init__(self, root: Path, connection: str) -> None:
        self._folders = {name: root / name / connection for name in (*WAITING, "processed", "rejected")}

    @property
    def watched(self) -> list[Path]:
        """The folders where files arrive."""
        return [self._folders[name] for name in WAITING]

    def look(self) -> list[Upload]:
        """The files in the waiting folders as they are now."""
        with _reached():
            for path in self._folders.values():
                path.mkdir(parents=True, exist_ok=True)
            return [upload for folder in WAITING for upload in self._list(folder)]

    def _list(self, folder: str) -> Iterator[Upload]:
        with os.scandir(self._folders[folder]) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    if entry.is_file():
                        yield _seen(folder, readable(os.fsencode(entry.name)), entry.stat())

    def _now(self, upload: Upload) -> Upload:
        path = self._folders[upload.folder] / upload.name
        try:
            return _seen(upload.folder, upload.name, path.stat())
        except FileNotFoundError:
            raise Vanished(upload.name) from None

    def fetch(self, upload: Upload, target: Path) -> None:
        """Copy a file whole. Raises Vanished if it is not the listed one, before or after."""
        with _reached():
            try:
                shutil.copyfile(self._folders[upload.folder] / upload.name, target)
            except FileNotFoundError:
                raise Vanished(upload.name) from None
            if self._now(upload) != upload or target.stat().st_size != upload.size:
                raise Vanished(upload.name)

    def archive(self, upload: Upload, *, refused: bool) -> str:
        """Move a file to processed (or rejected) under a name that was free. Raises Vanished and NotMoved."""
        with _reached():
            if self._now(upload) != upload:
                raise Vanished(upload.name)
        source, folder = (
            self._folders[upload.folder] / upload.name,
            self._folders["rejected" if refused else "processed"],
        )
        with _moving(upload.name):
            for name in free_names(upload.name):
                if _moved(source, folder / name):
                    return name
        raise NotMoved("rename_denied", f"{upload.name} stands a thousand times in {folder}")

    def put(self, name: str, source: Path) -> None:
        """Write a file into the rejected folder, whole or not at all. Raises NotMoved."""
        target = self._folders["rejected"] / name
        with _moving(name):
            shutil.copyfile(source, target.with_name(f"{name}.part"))
            target.with_name(f"{name}.part").replace(target)

    def close(self) -> None:
        """Nothing to let go of."""


def _seen(folder: str, name: str, stat: os.stat_result) -> Upload:
    return Upload(folder, name, stat.st_size, stat.st_mtime_ns)


def _moved(source: Path, target: Path) -> bool:
    """Move without writing over anything: a link fails where a rename would replace. False: the name is taken."""
    try:
        os.link(source, target)
    except FileExistsError:
        if not target.samefile(source):
            return False  # else a move was cut short just here
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        if target.exists():  # another file system, or one without links
            return False
        shutil.move(source, target)
        return True
    source.unlink()
    return True


@contextlib.contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Away("disk_full" if error.errno == errno.ENOSPC else "unreachable", str(error)) from error


@contextlib.contextmanager
def _moving(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = "disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "rename_denied"
        raise NotMoved(reason, f"{name} cannot be put away: {error.strerror}") from error


class Watcher:
    """Calls back whenever something happens in one of the folders, from a thread of its own.

    Folders that cannot be watched (not there yet, too many watches) are only looked at from time to time.
    """

    def __init__(self, folders: list[Path], call: Callable[[], None]) -> None:
        self._observer = Observer()
        try:
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
                self._observer.schedule(_Bell(call), str(folder))
            self._observer.start()
        except OSError as error:
            LOG.warning("folders cannot be watched, only looked at from time to time", why=str(error))

    def close(self) -> None:
        """Stop watching."""
        self._observer.stop()
        if self._observer.is_alive():
            self._observer.join()


class _Bell(FileSystemEventHandler):
    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Reading does not count, or our own looks would wake us."""
        if event.event_type in ("created", "modified", "moved", "closed"):
            self._call()
