"""Keep a partition's compacted state on disk, so that a restart reads a few seconds of it and not all."""

from __future__ import annotations

import functools
import hashlib
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import lmdb
import orjson

LONGEST_KEY = 480  # LMDB's own limit is 511 bytes
MAP_SIZE = 1 << 36  # address space, not memory: the file grows as it is filled
CHECKPOINT = b"\x00checkpoint"


class Checkpoint(NamedTuple):
    """How far the store has read its topic: the next offset, in which incarnation of the topic, written when."""

    offset: int
    topic_id: str
    written: float
    boot: str


class Store:
    """One partition's key-value pairs, as of a checkpoint. Reads from any thread, writes from one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._open()

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._env = lmdb.open(str(self.folder), map_size=MAP_SIZE, sync=False, metasync=False, max_readers=16, lock=False)
        self._read = self._env.begin()

    def checkpoint(self) -> Checkpoint | None:
        """Where reading goes on, or None for an empty store."""
        found = self.get(CHECKPOINT)
        return Checkpoint(*orjson.loads(found)) if found else None

    def get(self, key: bytes) -> bytes | None:
        """The committed value of a key, or None."""
        with self._lock:
            value: bytes | None = self._read.get(_short(key))
        return value

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys that start with the prefix, in order. The store may be written meanwhile; the scan sees it as it was."""
        with self._env.begin() as transaction, transaction.cursor() as cursor:
            found = cursor.set_range(prefix)
            while found and cursor.key().startswith(prefix):
                yield cursor.key(), cursor.value()
                found = cursor.next()

    def write(self, changes: Iterable[tuple[bytes, bytes | None]], offset: int, topic_id: str) -> None:
        """Apply changes (None deletes) and move the checkpoint, all together."""
        mark = Checkpoint(offset, topic_id, time.time(), boot_id())
        with self._env.begin(write=True) as transaction:
            for key, value in changes:
                if value is None:
                    transaction.delete(_short(key))
                else:
                    transaction.put(_short(key), value)
            transaction.put(CHECKPOINT, orjson.dumps(tuple(mark)))
        with self._lock:
            self._read.abort()
            self._read = self._env.begin()

    def discard(self) -> None:
        """Forget everything: the topic will be read from its start."""
        self.close()
        shutil.rmtree(self.folder)
        self._open()

    def close(self) -> None:
        """Give the files back."""
        with self._lock:
            self._read.abort()
            self._env.close()


def _short(key: bytes) -> bytes:
    if len(key) <= LONGEST_KEY:
        return key
    return key[: LONGEST_KEY - 32] + hashlib.blake2b(key, digest_size=16).hexdigest().encode()


@functools.cache
def boot_id() -> str:
    """Which run of the machine this is: files not forced to disk are worth nothing after another one."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else "unknown"
