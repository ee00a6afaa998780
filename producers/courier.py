"""Go to and fro between one place where files arrive and whoever reads them: a thread that nobody else waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple, TypeVar

from producers.files.names import PATTERN, FileName, parse_name, turn, uploading
from producers.inbox import Away, Inbox, Locked, NotMoved, Stillness, Upload, Vanished
from producers.spool import Spool, Spooled
from tillstream.logs import logger
from tillstream.telemetry import STOPPED

LOG = logger(__name__)
SHORTEST, LONGEST, LOCKED = 1.0, 60.0, 30.0
"""Seconds between tries to reach a place that is away (doubled each time), and one that does not let us in."""
ENOUGH_TRIES = 3
"""After so many of them a run that should end by itself ends."""

T = TypeVar("T")


class PutAway(NamedTuple):
    """What to do with a file that was read: `beside` names what is written beside the rejected ones ("" = nothing)."""

    spooled: Spooled
    refused: bool
    beside: str
    written: Path


class Rhythm(NamedTuple):
    """How often to look, and how long a file must not have changed; seconds."""

    poll: float
    still: float


class Courier:
    """One connection's files, one at a time: seen, still, fetched, offered, and put away once that is answered.

    `offered`, `answer` and `done` are for the one thread that reads; they never block.
    """

    def __init__(self, connection: str, make: Callable[[], Inbox], spool: Spool, rhythm: Rhythm) -> None:
        """`make` reaches the place anew, or raises Away."""
        self.trouble = ""
        self.waiting = 0
        self._connection = connection
        self._make = make
        self._inbox: Inbox | None = None
        self._spool = spool
        self._rhythm = rhythm
        self._still = Stillness(rhythm.still)
        self._log = LOG.bind(connection=connection)
        self._told: set[tuple[str, str]] = set()
        self._offers: SimpleQueue[Spooled] = SimpleQueue()
        self._answers: SimpleQueue[PutAway | None] = SimpleQueue()
        self._done: SimpleQueue[Spooled] = SimpleQueue()
        self._unmoved: dict[Upload, PutAway] = {}
        self._wake, self._stop = threading.Event(), threading.Event()
        self._failure: Exception | None = None
        self._tries = 0
        self._quiet, self._counted = 0, 0.0
        self._reason = ""
        self._thread = threading.Thread(target=self._run, name=f"courier-{connection}", daemon=True)
        self._thread.start()

    def offered(self) -> Spooled | None:
        """A file to read, or None; each is offered once and waits for its answer.

        Raises what ended the courier's thread, if anything did: a fault of ours, which nobody else would hear of.
        """
        if self._failure is not None:
            raise self._failure
        return _taken(self._offers)

    def answer(self, what: PutAway | None) -> None:
        """What to do with the file that was offered; None = nothing, it will be offered again."""
        self._answers.put(what)

    def done(self) -> Iterator[Spooled]:
        """The files that were put away since the last call."""
        while (spooled := _taken(self._done)) is not None:
            yield spooled

    def ring(self) -> None:
        """Something happened where the files arrive: look now."""
        self._wake.set()

    @property
    def over(self) -> bool:
        """Has it looked long enough to say that nothing is due, or that it cannot get in?"""
        if self._tries >= ENOUGH_TRIES:
            return True
        return self._quiet >= (4 if self._still.restless else 2)

    def close(self) -> None:
        """Stop soon; a copy that hangs is left to its own time-out."""
        self._stop.set()
        self._wake.set()
        self._answers.put(None)
        self._thread.join(5)
        if self._reason:
            STOPPED.labels("ingest", self._connection, self._reason).set(0)

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:
            self._failure = error
        self._leave()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                pause = self._round()
            except Away as error:
                pause = self._troubled(error)
            self._wake.wait(pause)
            self._wake.clear()

    def _round(self) -> float:
        """One look, and everything that is due after it; seconds until the next."""
        if self._inbox is None:
            self._inbox = self._make()
        looked = time.monotonic()
        uploads = self._ours(self._inbox.look())
        due = sorted(self._still.of(uploads, time.monotonic()), key=lambda upload: turn(uploads[upload]))
        self.waiting = len(due)
        stuck: NotMoved | None = None
        for upload in due:
            try:
                self._carry(self._inbox, upload)
            except NotMoved as error:
                stuck = error
            if self._stop.is_set() or time.monotonic() - looked > self._rhythm.poll:
                break
        if stuck is not None:
            raise stuck
        self._well()
        return self._next_look(bool(due), looked)

    def _next_look(self, busy: bool, looked: float) -> float:
        """Seconds until the next look. Those in a row that found nothing due are counted, `still` apart."""
        if busy:
            self._quiet = 0
        elif looked - self._counted >= self._rhythm.still:
            self._quiet += 1
            self._counted = looked
        return self._rhythm.still if self._still.restless or self._quiet < 2 else self._rhythm.poll

    def _ours(self, uploads: list[Upload]) -> dict[Upload, FileName]:
        """The files whose names are ours; others stay where they are, and that is said once."""
        named = {upload: parse_name(upload.name) for upload in uploads if not uploading(upload.name)}
        for upload, name in named.items():
            if name is None and (upload.folder, upload.name) not in self._told:
                self._told.add((upload.folder, upload.name))
                self._log.warning(
                    "not a file of ours, left in place", folder=upload.folder, file=upload.name, ours=PATTERN
                )
        return {upload: name for upload, name in named.items() if name is not None}

    def _carry(self, inbox: Inbox, upload: Upload) -> None:
        errand = self._unmoved.get(upload)
        if errand is None:
            errand = self._read(inbox, upload)
            if errand is None:
                return
            self._unmoved[upload] = errand
        if errand.beside:
            inbox.put(errand.beside, errand.written)
        try:
            inbox.archive(upload, refused=errand.refused)
        except Vanished:
            self._log.warning("another file stands there now, it is read next", file=upload.name)
        del self._unmoved[upload]
        self._spool.drop(errand.spooled)
        self._done.put(errand.spooled)

    def _read(self, inbox: Inbox, upload: Upload) -> PutAway | None:
        """Fetch a file, offer it, and wait for what to do with it; None when the read was void or it was given back."""
        try:
            spooled = self._spool.fetch(inbox, upload)
        except Vanished:
            self._log.info("changed while it was read, read again later", file=upload.name)
            return None
        self._offers.put(spooled)
        errand = self._answers.get()
        spooled.path.unlink(missing_ok=True)
        return errand

    def _troubled(self, error: Away) -> float:
        """Say once what is wrong; seconds until the next try."""
        self._tries += 1
        if error.reason != self._reason:
            self._clear()
            self._reason = error.reason
            STOPPED.labels("ingest", self._connection, error.reason).set(1)
            self._log.error("files cannot be taken", reason=error.reason, why=str(error))
        self.trouble = f"{error.reason}: {error}"
        if not isinstance(error, NotMoved):
            self._leave()
        if isinstance(error, Locked):
            self._tries = ENOUGH_TRIES
            return LOCKED
        return rest(self._tries)

    def _well(self) -> None:
        if self._reason:
            self._log.info("files can be taken again")
        self._clear()
        self._tries = 0

    def _clear(self) -> None:
        if self._reason:
            STOPPED.labels("ingest", self._connection, self._reason).set(0)
        self._reason = self.trouble = ""

    def _leave(self) -> None:
        if self._inbox is not None:
            self._inbox.close()
            self._inbox = None


def rest(tries: int) -> float:
    """Seconds until the next try to reach a place, after so many in a row that failed."""
    return min(SHORTEST * (1 << min(tries - 1, 6)), LONGEST)


def _taken(queue: SimpleQueue[T]) -> T | None:
    try:
        return queue.get_nowait()
    except Empty:
        return None
