"""Work on dead letters: `tillstream dlq list|show|redrive`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import click
import orjson

from consumers.engine.item import OWN
from operations import telling
from operations.arguments import WRONG, Letters
from operations.audit import ledger
from operations.letters import WEBHOOKS, Letter, each, in_order, sent_again, topic_of
from operations.looks import of_file
from operations.reading import there
from operations.redriving import MOST_REDRIVES, Choice, Ended, Redrive, choose
from operations.rehearsal import plain
from schemas.codec import Codec, Poison, UnknownSchema
from schemas.topics import EVENT_TOPICS, Names
from tillstream.codecs import codec_of
from tillstream.kafka.publisher import Fenced, Publisher
from tillstream.settings import Settings

SHOWN = 20
"""Letters shown to people; --json prints all."""


@dataclass(slots=True)
class Heap:
    """All letters of one reason: how many, how many were redriven, where they come from, first and last time."""

    group: str
    reason: str
    letters: int = 0
    redriven: int = 0
    connections: set[str] = field(default_factory=set)
    topics: set[str] = field(default_factory=set)
    first: str = ""
    last: str = ""

    def add(self, letter: Letter, *, redriven: bool) -> None:
        """One more letter of this reason."""
        self.letters += 1
        self.redriven += redriven
        self.connections.add(letter.told("connection"))
        self.topics.add(letter.told("topic"))
        first = letter.told("first-failed") or letter.time
        self.first, self.last = min(self.first or first, first), max(self.last, letter.time)


def listing(settings: Settings, letters: Letters, as_json: bool) -> int:
    """Print how many there are for each reason, and since when."""
    kafka, names = settings.kafka.options(), Names(settings.topics.prefix)
    with telling.kafka_answers():
        sent = sent_again(kafka, names, letters.group)
        heaps = piles(letters.group, each(kafka, topic_of(names, letters.group), letters), sent)
    if as_json:
        telling.json([as_listed(heap) for heap in heaps])
        return 0
    columns = ("reason", "letters", "redriven", "connections", "topics", "first", "last")
    rows = [
        (
            h.reason,
            h.letters,
            h.redriven,
            ", ".join(sorted(h.connections)),
            ", ".join(sorted(h.topics)),
            h.first,
            h.last,
        )
        for h in heaps
    ]
    telling.table(telling.console(), f"Dead letters of {letters.group}", columns, rows)
    return 0


def piles(group: str, letters: Iterable[Letter], sent: set[str]) -> list[Heap]:
    """Letters by reason, the largest heap first."""
    heaps: dict[str, Heap] = {}
    for letter in letters:
        reason = letter.told("reason")
        heaps.setdefault(reason, Heap(group, reason)).add(letter, redriven=letter.place in sent)
    return sorted(heaps.values(), key=lambda heap: -heap.letters)


def as_listed(heap: Heap) -> dict[str, Any]:
    """A heap as a program reads it."""
    return {**asdict(heap), "connections": sorted(heap.connections), "topics": sorted(heap.topics)}


def show(settings: Settings, letters: Letters, values: bool, as_json: bool) -> int:
    """Print the letters, newest last; with `values` also whose they are and what they hold, which is personal data."""
    kafka, names = settings.kafka.options(), Names(settings.topics.prefix)
    reads = codec_of(settings) if values else None
    with telling.kafka_answers():
        sent = sent_again(kafka, names, letters.group)
        found = in_order(each(kafka, topic_of(names, letters.group), letters))
        files = {page.sha256: page.name for page in ledger(kafka, names).values() if of_file(page)}
        told = [as_told(one, sent, reads, files) for one in found]
    if values:
        click.echo("What follows is personal data: keep it to yourself, and delete it when you are done.", err=True)
    if as_json:
        telling.json(told)
        return 0
    for one in told[-SHOWN:]:
        click.echo("\n".join(_lines(one)) + "\n")
    click.echo(
        f"{len(told)} {'letter' if len(told) == 1 else 'letters'}"
        + (f", the last {SHOWN} shown" if len(told) > SHOWN else "")
    )
    return 0


def as_told(letter: Letter, sent: set[str], reads: Codec | None, files: Mapping[str, str]) -> dict[str, Any]:
    """A letter as a program reads it, with the name of its file, of those by hash; without a codec neither its key nor
    its value is told."""
    headers = {name: value.decode("utf-8", "replace") for name, value in letter.headers.items()}
    told = {"partition": letter.partition, "offset": letter.offset, "time": letter.time}
    told |= {"redriven": letter.place in sent, "file": files.get(letter.told("file-sha256")), "headers": headers}
    if reads is None:
        return told
    return {**told, "key": (letter.key or b"").decode("utf-8", "replace"), "value": _value(letter, reads)}


def _value(letter: Letter, reads: Codec) -> Any:
    raw, topic = letter.value or b"", letter.told("topic")
    try:
        if topic in EVENT_TOPICS and OWN not in letter.headers:
            return plain(reads.decode(topic, raw))
        return orjson.loads(raw)
    except (Poison, UnknownSchema, orjson.JSONDecodeError):
        return {"bytes": len(raw), "hex": raw[:64].hex()}


def _lines(told: dict[str, Any]) -> Iterator[str]:
    place = f"partition {told['partition']}, offset {told['offset']}"
    yield f"{told['time']}  {place}" + ("  redriven" if told["redriven"] else "")
    if told["file"]:
        yield f"    file: {told['file']}"
    for name, value in told["headers"].items():
        yield f"    {name.removeprefix('tillstream.')}: {value}"
    if "key" in told:
        yield f"    key: {told['key']}"
        yield f"    value: {orjson.dumps(told['value']).decode()}"


def redrive(settings: Settings, letters: Letters, rate: float | None, stop_after: int | None, dry_run: bool) -> int:
    """Put the chosen letters on the group's replay topic; 1 when it stopped early."""
    if letters.group == WEBHOOKS:
        click.echo("tillstream: there is nothing to redrive webhooks to: they were for no group yet", err=True)
        return WRONG
    kafka, names = settings.kafka.options(), Names(settings.topics.prefix)
    with telling.kafka_answers():
        if dry_run:
            click.echo(told(chosen(settings, letters), "would go"))
            return 0
        there(kafka, [names.dead_letters(letters.group)])  # a producer would wait for ever for a Kafka that is away
        publisher = Publisher(kafka, f"{names.prefix}tillstream.redrive.{letters.group}")  # ends any other redrive
        choice = chosen(settings, letters)
        with telling.progress("Redriving", len(choice.go)) as advance:
            work = Redrive(kafka, names, letters.group, publisher, rate, stop_after, advance)
            try:
                ended = work.drive(choice.go)
            except Fenced:
                raise click.ClickException("another redrive of this group was started and goes on instead") from None
    return _report(choice, ended, work.run)


def chosen(settings: Settings, letters: Letters) -> Choice:
    """Which of the chosen letters may go, oldest first. Raises KafkaException."""
    kafka, names = settings.kafka.options(), Names(settings.topics.prefix)
    sent = sent_again(kafka, names, letters.group)
    return choose(in_order(each(kafka, names.dead_letters(letters.group), letters)), sent)


def told(choice: Choice, what: str) -> str:
    """A choice in a line."""
    parts = [f"{len(choice.go)} {what}"]
    if choice.sent:
        parts.append(f"{choice.sent} were redriven already")
    if choice.tired:
        parts.append(f"{choice.tired} were redriven {MOST_REDRIVES} times and go no more")
    if choice.keyless:
        parts.append(f"{choice.keyless} have no key and belong to nobody")
    return "; ".join(parts)


def _report(choice: Choice, ended: Ended, run: str) -> int:
    click.echo(told(choice._replace(go=choice.go[: ended.sent]), f"sent again as {run}"))
    if ended.failed:
        click.echo(f"{ended.failed} of them came back as dead letters")
    if ended.why:
        click.echo(f"stopped: {ended.why}; {ended.left} were left as they are")
    return int(bool(ended.why))
