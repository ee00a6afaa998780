"""A record on its way: what Kafka gave, read no further than its headers until somebody needs more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from consumers.engine.shelf import Laid
from consumers.engine.slot import Slot
from consumers.engine.wire import Json
from schemas import headers as names
from schemas.codec import Codec, Poison

REPLAYS = "replay"
"""The bare name of a group's replay topic, as a record's source."""
OWN = "tillstream.own"
"""Header of what the engine or a plan made for itself: no row of the books."""
PART = "tillstream.part"
"""Header on the replay topic: which part of the route's work it is."""
TOPIC = "tillstream.topic"
"""Header on the replay topic: the topic whose route it takes."""
REPLAY = "tillstream.replay"
"""Header on the replay topic: the replay (its name) that put it there. Its row stands in the books already."""
REDRIVE = "tillstream.redrive"
"""Header on the replay topic: the redrive (its name) that put it there."""
REDRIVES = "tillstream.redrives"
"""Header of a redriven record: how often it was redriven."""
LETTER = "tillstream.letter"
"""Header of a redriven record: where its dead letter is, as PARTITION/OFFSET."""
SHARE = "tillstream.share"
"""Header on the replay topic: the part of plans and quotas that such records may take together, 0 to 1."""
FORCE = "tillstream.force"
"""Header on the replay topic: send it also where nothing changed."""
OFFSET, TIMESTAMP = "tillstream.offset", "tillstream.timestamp"
"""Headers on the replay topic: where it stood on its own topic, and Kafka's time (ms) of that."""


class Record:
    """One record in the hands of a worker; it satisfies `sink.Item`.

    `source` is the topic it was read from (bare name), `topic` the one whose route it takes: they differ for what came
    by the replay topic. `offset` -1: it came from the shelf, its offset is passed already. `place` is its offset on its
    own topic. `run` names the replay or redrive that brought it here again, "" for none. `raw_key` is the key's bytes
    where they are no text; then `key` can only be looked at.
    """

    __slots__ = (
        "_record", "alone", "attempts", "codec", "first_failed", "headers", "job", "key", "offset",
        "part", "place", "raw_key", "run", "share", "shelf", "slot", "source", "timestamp", "topic", "value",
    )  # fmt: skip

    def __init__(
        self,
        slot: Slot,
        source: str,
        topic: str,
        offset: int,
        timestamp: int,
        key: str,
        value: bytes,
        headers: Mapping[str, bytes],
        codec: Codec,
    ) -> None:
        self.slot = slot
        self.source = source
        self.topic = topic
        self.offset = offset
        self.place = offset
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.headers = headers
        self.codec = codec
        self.part = headers[PART].decode("ascii", "replace") if PART in headers else ""
        self.shelf = ""
        self.job = ""
        self.alone = False
        self.attempts = 0
        self.first_failed = ""
        self.raw_key = b""
        self._record: dict[str, Any] | None = None
        self.run, self.share = "", 1.0
        if source == REPLAYS:
            self._came_again()

    def _came_again(self) -> None:
        """It is what it was, where and when it was, and says who asked for it again."""
        self.run = self._header(REDRIVE) or self._header(REPLAY)
        if not self.run:
            return
        self.share = _part(self._header(SHARE))
        self.place = whole(self._header(OFFSET), self.offset)
        self.timestamp = whole(self._header(TIMESTAMP), self.timestamp)

    @property
    def connection(self) -> str:
        return self.key.partition("/")[0]

    @property
    def record(self) -> dict[str, Any]:
        """Raises schemas.codec.Poison or UnknownSchema where the bytes cannot be read (now).

        What we made for ourselves is JSON; a part of an event that waited on the shelf is still that event.
        """
        if self._record is None:
            self._record = self._own() if self.ours else self.codec.decode(self.topic, self.value)
        return self._record

    def _own(self) -> dict[str, Any]:
        try:
            told = orjson.loads(self.value)
        except orjson.JSONDecodeError:
            told = None
        if not isinstance(told, dict):
            raise Poison(f"{len(self.value)} bytes that say they are our own are no JSON object")
        return told

    def _header(self, name: str) -> str:
        return (self.headers.get(name) or b"").decode("ascii", "replace")

    @property
    def content(self) -> str:
        return self._header(names.CONTENT)

    @property
    def order(self) -> str:
        return self._header(names.ORDER)

    @property
    def object(self) -> str:
        return self._header(names.OBJECT)

    @property
    def file(self) -> str:
        """The sha-256 of the file it came from, "" for what came from no file."""
        return self._header(names.SHA256)

    @property
    def line(self) -> str:
        return self._header(names.LINE)

    @property
    def ours(self) -> bool:
        """Is it our own doing (a follow-up, a move) rather than a row of the books?"""
        return OWN in self.headers

    @property
    def redriven(self) -> bool:
        """Is it a dead letter that was sent again?"""
        return LETTER in self.headers and self.source == REPLAYS

    @property
    def letter(self) -> str:
        """Where the dead letter is that was sent again: PARTITION/OFFSET."""
        return self._header(LETTER)

    @property
    def counted(self) -> bool:
        """Does its outcome go into the books? A replayed row stands there already; a dead letter changes its state."""
        return not self.ours and (self.source == self.topic or (self.redriven and REPLAY not in self.headers))

    @property
    def forced(self) -> bool:
        """Did an operator ask for it to be sent also where nothing changed?"""
        return FORCE in self.headers and self.source == REPLAYS

    def known(self, part: str) -> Json:
        return self.slot.recall(f"{self.key}#{part}")

    @property
    def first_load(self) -> bool:
        return self.slot.firsts.is_first(self.slot, self.connection, self.file)


def from_shelf(slot: Slot, codec: Codec, laid: Laid) -> Record:
    """A record as it was laid down, or a follow-up of ours. Its offset is passed already."""
    headers = {OWN: b"1", PART: laid.part.encode()} if laid.value is None else laid.headers
    value = b"{}" if laid.value is None else laid.value
    record = Record(slot, laid.source, laid.topic, -1, laid.timestamp, laid.key, value, headers, codec)
    record.part, record.place, record.shelf = laid.part, laid.place, laid.name
    record.attempts, record.first_failed = laid.attempts, laid.first_failed
    return record


def whole(text: str, otherwise: int) -> int:
    """A header that holds a number.

    >>> whole("17", -1), whole("", -1)
    (17, -1)
    """
    return int(text) if text.isdigit() else otherwise


def _part(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return 1.0
    return found if 0 < found < 1 else 1.0


def text_of(key: bytes) -> tuple[str, bool]:
    """A key as text, and whether it is one; what is none can be looked at, not be used."""
    try:
        return key.decode(), True
    except UnicodeDecodeError:
        return key.decode("utf-8", "replace"), False
