"""Give each worker of this machine a name that survives its death, so that its heir ends what it left open."""

from __future__ import annotations

import contextlib
import fcntl
import os
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def identity(folder: Path, prefix: str, role: str) -> Iterator[str]:
    """A transactional id for one worker of a role: `<prefix>tillstream.<role>.<this state folder>.<slot>`.

    Held by a file lock, which the system gives back when the process dies: the next worker then gets the same id, and
    Kafka ends the unfinished transaction of the former at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        slot = next(n for n in range(10_000) if _locked(held, folder / f"{role}-{n}.lock"))
        yield f"{prefix}tillstream.{role}.{_own_name(folder)}.{slot}"


def _locked(held: contextlib.ExitStack, path: Path) -> bool:
    lock = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return False
    held.enter_context(lock)
    return True


def _own_name(folder: Path) -> str:
    path, draft = folder / "id", folder / f"id.{uuid.uuid4().hex}"
    if not path.exists():
        draft.write_text(uuid.uuid4().hex[:12], encoding="utf-8")
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # all of it or nothing, and never over another's
        draft.unlink()
    return path.read_text(encoding="utf-8")
