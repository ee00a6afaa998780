"""Keep a partition's compacted state on disk, so that a restart reads a few seconds of it and not all."""

from __future__ import annotations

import functools
import hashlib
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import lmdb
import orjson
import structlog

log = structlog.get_logger()

SHORTENED = 480  # bytes; LMDB's own limit is 511, keys of this length stand for longer ones
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
        env = self._opened()
        if env is None:  # the topic is the truth: a spoilt copy is not worth a repair
            log.warning("a local store is damaged; the state is read from its topic again", folder=str(self.folder))
            shutil.rmtree(self.folder)
            env = self._opened()
        if env is None:
            raise OSError(f"{self.folder}: no store can be opened there")
        self._env, self._read = env, env.begin()

    def _opened(self) -> Any:
        """The environment; None where its file is not one, or has lost its end (to read there would kill us)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            env = lmdb.open(str(self.folder), map_size=MAP_SIZE, sync=False, metasync=False)
        except (lmdb.InvalidError, lmdb.CorruptedError, lmdb.VersionMismatchError):
            return None
        used = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
        if used <= (self.folder / "data.mdb").stat().st_size:
            return env
        env.close()
        return None

    def checkpoint(self) -> Checkpoint | None:
        """Where reading goes on, or None for an empty store."""
        found = self.get(CHECKPOINT)
        return Checkpoint(*orjson.loads(found)) if found else None

    def get(self, key: bytes) -> bytes | None:
        """The committed value of a key, or None."""
        short = _short(key)
        with self._lock:
            value: bytes | None = self._read.get(short)
        return value if value is None or short is key else _whole(value)[1]

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys that start with the prefix, in order. The store may be written meanwhile; the scan sees it as it was."""
        with self._env.begin() as transaction, transaction.cursor() as cursor:
            found = cursor.set_range(prefix or b"\x01")  # the checkpoint is before, and not theirs
            while found and cursor.key().startswith(prefix):
                key, value = cursor.item()
                yield _whole(value) if len(key) == SHORTENED else (key, value)
                found = cursor.next()

    def write(self, changes: Iterable[tuple[bytes, bytes | None]], offset: int, topic_id: str) -> None:
        """Apply changes (None deletes) and move the checkpoint, all together."""
        mark = Checkpoint(offset, topic_id, time.time(), boot_id())
        with self._env.begin(write=True) as transaction:
            for key, value in changes:
                short = _short(key)
                if value is None:
                    transaction.delete(short)
                else:
                    transaction.put(short, value if short is key else _with_key(key, value))
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
    """The key itself, or its beginning and its hash."""
    if len(key) < SHORTENED:
        return key
    return key[: SHORTENED - 32] + hashlib.blake2b(key, digest_size=16).hexdigest().encode()


def _with_key(key: bytes, value: bytes) -> bytes:
    """What is stored under a shortened key: the whole key goes before the value."""
    return len(key).to_bytes(4, "big") + key + value


def _whole(stored: bytes) -> tuple[bytes, bytes]:
    end = 4 + int.from_bytes(stored[:4], "big")
    return stored[4:end], stored[end:]


@functools.cache
def boot_id() -> str:
    """Which run of the machine this is: files not forced to disk are worth nothing after another one."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else "unknown"
