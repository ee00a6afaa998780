"""Turn records into bytes and bytes into records, in the two framings that Kafka consumers know.

Where a schema registry is configured the payload is framed as Confluent does (0x00, schema id as 4 bytes, Avro);
elsewhere it is an Avro single-object encoding (0xC3 0x01, CRC-64-AVRO fingerprint little-endian, Avro), which needs no
service at all. Either is read, whatever is configured. Sources: Confluent Platform documentation, "Wire format"; Apache
Avro 1.12 specification, "Single-object encoding" and "Schema fingerprints".
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from fastavro import parse_schema, schemaless_reader, schemaless_writer
from fastavro.schema import fingerprint, to_parsing_canonical_form

from schemas.definitions import ENVELOPE, RECORDS, RELEASED, Json, definition, load
from schemas.lookup import Lookup
from schemas.resolution import completer
from schemas.topics import Names
from schemas.writer import writer

CONFLUENT = b"\x00"
SINGLE_OBJECT = b"\xc3\x01"

Read = Callable[[BytesIO], Json]


class Poison(Exception):
    """Bytes that can never be read as a record of this topic. The reason holds nothing of the record itself."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownSchema(Exception):
    """The schema that the bytes name is not known here; it may be later (a newer release, a registry that is away)."""

    def __init__(self, id: str) -> None:  # noqa: A002 - it is what callers ask for
        super().__init__(f"nobody here knows the schema {id}")
        self.id = id


class Misfit(ValueError):
    """A record that does not fit its schema; names the field, never the value."""


class Encoded(NamedTuple):
    """A record as bytes, and the hash of its content: 32 hex digits that ignore the envelope."""

    payload: bytes
    content: str


class _Form:
    """One topic's schema, parsed for writing in its two parts and for reading whole."""

    def __init__(self, topic: str) -> None:
        raw = definition(topic)
        split = len(raw["fields"]) - len(ENVELOPE)
        self.raw = raw
        self.whole = _parsed(raw)
        self.content = writer({**raw, "fields": raw["fields"][:split]})
        self.envelope = writer({**raw, "fields": raw["fields"][split:]})
        self.mark = mark(raw)
        self._instants = tuple(f["name"] for f in raw["fields"] if "timestamp-micros" in str(f["type"]))

    def naive(self, record: Mapping[str, object]) -> str | None:
        """The field that holds a time without zone, which no schema can hold."""
        return next((name for name in self._instants if getattr(record.get(name), "tzinfo", UTC) is None), None)

    def reader(self, writer: Json) -> Read:
        """Reads what was written with another schema. Raises Poison where the two cannot be reconciled."""
        parsed, whole = _parsed(writer), self.whole
        complete = completer(self.raw, writer)

        def read(stream: BytesIO) -> Json:
            return complete(_record(schemaless_reader(stream, parsed, whole)))

        return read

    def read(self, stream: BytesIO) -> Json:
        """Reads what was written with the schema of today."""
        return _record(schemaless_reader(stream, self.whole, None))


class Codec:
    """Encodes and decodes the records of the event topics. Threads may share one."""

    def __init__(self, registry: Lookup | None, names: Names, released: Path = RELEASED) -> None:
        """Without a registry the single-object encoding is written; `released` holds older schemas still to be read."""
        self._registry = registry
        self._names = names
        self._forms = {topic: _Form(topic) for topic in RECORDS}
        self._by_mark = {(topic, known): read for topic, known, read in self._known(released)}
        self._topic_of_mark = {known: topic for topic, known in self._by_mark}
        self._by_number: dict[tuple[str, int], Read] = {}
        self._frames: dict[str, bytes] = {} if registry else {t: SINGLE_OBJECT + f.mark for t, f in self._forms.items()}

    def introduce(self) -> bool:
        """True: the registry, where there is one, knows all our schemas. Raises RegistryAway and RegistryRefused."""
        for topic in self._forms:
            if topic not in self._frames:
                self._register(topic)
        return True

    def encode(self, topic: str, record: Mapping[str, object]) -> Encoded:
        """The record as bytes. Raises Misfit; with a registry also RegistryAway and RegistryRefused."""
        form = self._forms[topic]
        frame = self._frames.get(topic) or self._register(topic)
        try:
            content = form.content(_steady(record))
            payload = frame + content + form.envelope(record)
        except (ValueError, TypeError, OverflowError, AttributeError):
            if naive := form.naive(record):
                raise Misfit(f"{form.raw['name']}.{naive} holds a time without a zone") from None
            raise Misfit(_misfit(form.raw, record)) from None  # what was raised may quote the value
        return Encoded(payload, blake2b(content, digest_size=16).hexdigest())

    def decode(self, topic: str, payload: bytes) -> Json:
        """The record in the bytes, as today's schema sees it. Raises Poison and UnknownSchema, and nothing else."""
        if payload[:2] == SINGLE_OBJECT and len(payload) >= 10:
            return _whole(self._marked(topic, payload[2:10]), payload, 10)
        if payload[:1] == CONFLUENT and len(payload) >= 5:
            return _whole(self._numbered(topic, int.from_bytes(payload[1:5], "big")), payload, 5)
        raise Poison(f"{len(payload)} bytes that begin with {payload[:2].hex() or 'nothing'}: in no framing we know")

    def _known(self, released: Path) -> Iterator[tuple[str, bytes, Read]]:
        for path in sorted(released.glob("*.avsc")):
            writer = load(path)
            for topic, form in self._forms.items():
                if form.raw["name"] == writer["name"]:
                    yield topic, mark(writer), form.reader(writer)
        for topic, form in self._forms.items():  # last, so that today's schema is read the quick way
            yield topic, form.mark, form.read

    def _register(self, topic: str) -> bytes:
        assert self._registry is not None  # noqa: S101 - without a registry every frame is known from the start
        number = self._registry.register(f"{self._names.topic(topic)}-value", self._forms[topic].raw)
        self._frames[topic] = CONFLUENT + number.to_bytes(4, "big")
        return self._frames[topic]

    def _marked(self, topic: str, known: bytes) -> Read:
        read = self._by_mark.get((topic, known))
        if read is not None:
            return read
        if known in self._topic_of_mark:
            raise Poison(f"a record of the topic {self._topic_of_mark[known]} on the topic {topic}")
        raise UnknownSchema(f"with the fingerprint {known.hex()}")

    def _numbered(self, topic: str, number: int) -> Read:
        read = self._by_number.get((topic, number))
        if read is None:
            read = self._by_number[topic, number] = self._fetched(topic, number)
        return read

    def _fetched(self, topic: str, number: int) -> Read:
        text = self._registry.schema(number) if self._registry else None
        if text is None:
            raise UnknownSchema(f"with the id {number}")
        form = self._forms[topic]
        try:
            writer = json.loads(text)
            return form.read if mark(writer) == form.mark else form.reader(writer)
        except Exception as error:  # anybody may register anything
            raise Poison(f"written with the schema {number}, which is no {form.raw['name']}: {error}") from error


def mark(schema: Any) -> bytes:
    """The CRC-64-AVRO fingerprint of a schema's parsing canonical form, little-endian as it stands in a payload."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


def _parsed(schema: Any) -> Any:
    return parse_schema(schema)


def _record(read: Any) -> Json:
    record: Json = read
    return record


def _whole(read: Read, payload: bytes, start: int) -> Json:
    """What `read` makes of the bytes from `start`, all of them."""
    stream = BytesIO(payload)
    stream.seek(start)
    try:
        record = read(stream)
    except Exception as error:  # whatever a reader raises over foreign bytes, it is the bytes that are wrong
        raise Poison(f"{len(payload)} bytes cannot be read: {type(error).__name__}") from None  # it may quote the bytes
    left = len(payload) - stream.tell()
    if left:
        raise Poison(f"{left} of {len(payload)} bytes are left after the record")
    return record


def _steady(record: Mapping[str, object]) -> Mapping[str, object]:
    """The record with its map in one order, whatever the order of a file's columns: equal content, equal bytes."""
    extra = record.get("extra")
    if not isinstance(extra, dict) or len(extra) < 2:
        return record
    return {**record, "extra": dict(sorted(extra.items()))}


def _misfit(schema: Json, record: Mapping[str, object]) -> str:
    """Which field it is that cannot be written."""
    for field in schema["fields"]:
        value = record.get(field["name"], field["default"])
        try:
            schemaless_writer(BytesIO(), _parsed(field["type"]), value)
        except (ValueError, TypeError, OverflowError, AttributeError) as error:
            return f"{schema['name']}.{field['name']} cannot hold this {type(value).__name__} ({type(error).__name__})"
    return f"this {schema['name']} cannot be written"


def codec(registry_url: str | None, prefix: str = "", memory: Path | None = None) -> Codec:
    """The codec of an installation. `prefix` is that of its topics; `memory` a file for what the registry said."""
    if not registry_url:
        return Codec(None, Names(prefix))
    from schemas.registry import Registry  # noqa: PLC0415 - half a megabyte of HTTP client that most do without

    return Codec(Registry(registry_url, memory), Names(prefix))
