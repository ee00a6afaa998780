"""Prove that the books balance: every row of every file, and every record in every group, has exactly one state."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import click

from consumers.engine.sink import Sink
from operations import platforms, telling
from operations.looks import of_file
from operations.reading import Kafka, records, since, spans, there
from operations.standing import Row, Standing, outcomes, row_of, running, standing
from producers.ledger import COUNTED, Entry, load
from schemas.topics import EVENT_TOPICS, Names
from tillstream.settings import Settings

LOOKS = 4
PAUSE = 1.0
"""Seconds between looks: what is on its way while we read is no gap, what stays is one."""

IN_NO_LEDGER = "in no ledger"
NEVER = "9999-12-31"


class Gap(NamedTuple):
    """Two numbers that should be one. `group` and `topic` are empty where the producers' own books do not add up."""

    connection: str
    file: str
    sha256: str
    group: str
    topic: str
    expected: int
    found: int
    what: str

    def __str__(self) -> str:
        """One sentence for people."""
        where = f"{self.group}, {self.topic}: " if self.group else ""
        return f"{self.connection}, {self.file}: {where}{self.what}: {self.expected} expected, {self.found} found"


@dataclass(frozen=True, slots=True)
class Audit:
    """What the books say: every file's page, where every group stands, and what does not add up."""

    pages: list[Entry]
    groups: list[Standing]
    gaps: list[Gap]

    @property
    def balanced(self) -> bool:
        """Does everything add up?"""
        return not self.gaps


def run(settings: Settings, as_json: bool) -> int:
    """Print the books; 0 when they balance, 1 when they do not."""
    with telling.kafka_answers():
        audit = examine(settings, platforms.find())
    if as_json:
        telling.json(as_told(audit))
    else:
        _show(audit)
    return 0 if audit.balanced else 1


def examine(settings: Settings, sinks: Mapping[str, Sink]) -> Audit:
    """The books as they are now. Only gaps that stay over several looks are gaps. Raises KafkaException."""
    kafka, names = settings.kafka.options(), Names(settings.topics.prefix)
    wanted = running(settings, sinks)
    loose = Loose(kafka, names)
    audit = _look(kafka, names, wanted, loose)
    for _ in range(LOOKS - 1):
        if not audit.gaps:
            break
        time.sleep(PAUSE)
        before, audit = audit, _look(kafka, names, wanted, loose)
        if audit.gaps and audit.gaps == before.gaps:
            break
    return audit


def _look(kafka: Kafka, names: Names, sinks: Mapping[str, Sink], loose: Loose) -> Audit:
    looks = [(loose.count(), ledger(kafka, names))]
    states = there(kafka, [names.state(name) for name in sinks]).partitions
    groups = [standing(kafka, names, sink) for name, sink in sinks.items() if names.state(name) in states]
    looks.append((loose.count(), pages := ledger(kafka, names)))
    gaps = [gap for page in pages.values() for gap in of_page(page)]
    fewest, most = ({**loose.without(counted, pages), **published(page)} for counted, page in looks)
    for group in groups:
        found = [gap for gap in of_group(group, fewest, most, pages) if not loose.excuses(gap)]
        gaps += _excused(kafka, names, found, pages)
    order = sorted(pages.values(), key=lambda page: (page.connection, page.started, page.name))
    return Audit(order, groups, sorted(gaps))


def ledger(kafka: Kafka, names: Names) -> dict[str, Entry]:
    """Every file's page, by the ledger's key. Raises KafkaException."""
    pages: dict[str, Entry] = {}
    for message in records(kafka, spans(kafka, there(kafka, [names.ledger]).partitions)):
        key, value = message.key().decode(), message.value()
        if value is None:
            pages.pop(key, None)
        else:
            pages[key] = load(value)
    return pages


def published(pages: Mapping[str, Entry]) -> Counter[Row]:
    """How many records of each file were published on each topic. The same bytes in two folders are one file here."""
    counted: Counter[Row] = Counter()
    for page in pages.values():
        for topic, count in page.topics.items():
            counted[Row(page.connection, page.sha256, topic)] += count
    return counted


def of_page(page: Entry) -> Iterator[Gap]:
    """What does not add up in a file's own page."""
    judged = page.accepted + page.rejected
    if page.rows != judged:
        yield _gap(page, page.rows, judged, "rows = accepted + rejected")
    made = page.records + page.lines_joined + sum(page.none.values())
    if page.accepted != made:
        yield _gap(page, page.accepted, made, "accepted = records + lines joined + none")


def _gap(page: Entry, expected: int, found: int, what: str) -> Gap:
    return Gap(page.connection, page.name, page.sha256, "", "", expected, found, what)


def of_group(
    group: Standing, before: Mapping[Row, int], after: Mapping[Row, int], pages: Mapping[str, Entry]
) -> Iterator[Gap]:
    """Lines where a group has more or fewer records of a file than were published while we looked (before, after)."""
    files = {(page.connection, page.sha256): page.name for page in pages.values()}
    rows = {row for row in (*after, *group.rows()) if row.topic in group.topics}
    for row in rows:
        least, most, found = before.get(row, 0), after.get(row, 0), group.total(row)
        if not least <= found <= most:
            file = files.get((row.connection, row.file), row.file if ":" in row.file else IN_NO_LEDGER)
            yield Gap(
                row.connection, file, row.file, group.group, row.topic, most, found, "records = outcomes + waiting"
            )


class Loose:
    """Records that no page of the ledger accounts for: what webhooks brought, and what sinks wrote for each other.

    They are counted where they stand, so a group has at least as many of them as there are, and just as many unless
    some have left their topic.
    """

    def __init__(self, kafka: Kafka, names: Names) -> None:
        self._kafka = kafka
        self._topics = {names.topic(topic): topic for topic in EVENT_TOPICS}
        self._counted: Counter[Row] = Counter()
        self._read: dict[tuple[str, int], int] = {}
        self._gone: dict[str, str] = {}

    def count(self) -> Counter[Row]:
        """How many records there are of each file, poll or day, by now. Raises KafkaException."""
        found = spans(self._kafka, there(self._kafka, self._topics).partitions)
        left = [span._replace(start=max(span.start, self._read.get(span[:2], 0))) for span in found]
        trimmed = {span[:2] for span in found if span.start}
        for span in found:
            if span.start == span.end > 0:
                self._note_gone(span.topic, NEVER)
        for message in records(self._kafka, left):
            if (message.topic(), message.partition()) in trimmed:  # its first record: all before it are gone
                trimmed.remove((message.topic(), message.partition()))
                self._note_gone(message.topic(), _day(message.timestamp()[1]))
            row = row_of(message, self._topics[message.topic()])
            if row is not None:
                self._counted[row] += 1
        self._read = {span[:2]: span.end for span in found}
        return Counter(self._counted)

    def _note_gone(self, topic: str, day: str) -> None:
        bare = self._topics[topic]
        self._gone[bare] = max(day, self._gone.get(bare, ""))

    @staticmethod
    def without(counted: Mapping[Row, int], pages: Mapping[str, Entry]) -> dict[Row, int]:
        """Those that have no page."""
        paged = {(page.connection, page.sha256) for page in pages.values()}
        return {row: count for row, count in counted.items() if row[:2] not in paged}

    def excuses(self, gap: Gap) -> bool:
        """Has a group more than there are because some are gone by now?"""
        day = gap.sha256.rpartition(":")[2] if ":" in gap.sha256 else ""
        return (
            gap.found > gap.expected and gap.file in (gap.sha256, IN_NO_LEDGER) and day <= self._gone.get(gap.topic, "")
        )


def _day(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d}"


def _excused(kafka: Kafka, names: Names, gaps: list[Gap], pages: Mapping[str, Entry]) -> list[Gap]:
    """The gaps without files that had left their topic before the group began: of those it knows nothing at all."""
    suspects = [gap for gap in gaps if not gap.found]
    if not suspects:
        return gaps
    ended = {(page.connection, page.sha256): page.finished for page in pages.values()}
    gone = [
        gap for gap in suspects if _left(kafka, names.topic(gap.topic), ended.get((gap.connection, gap.sha256), ""))
    ]
    return [gap for gap in gaps if gap not in gone]


def _left(kafka: Kafka, topic: str, finished: str) -> bool:
    """Is everything gone from a topic that was written up to a moment (ISO 8601)?"""
    if not finished:
        return False
    whole = spans(kafka, there(kafka, [topic]).partitions)
    later = since(kafka, whole, _seconds(finished))
    return any(span.start for span in whole) and whole == later


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def as_told(audit: Audit) -> dict[str, Any]:
    """The audit as a program reads it; gaps and doubts only where there are any."""
    gaps = [gap._asdict() for gap in audit.gaps]
    doubts = [{"group": group.group, **doubt._asdict()} for group in audit.groups for doubt in group.doubts]
    return {
        "balanced": audit.balanced,
        "files": [_page(page) for page in audit.pages],
        "groups": {group.group: _by_connection(group) for group in audit.groups},
        **({"gaps": gaps} if gaps else {}),
        **({"doubts": doubts} if doubts else {}),
    }


def _page(page: Entry) -> dict[str, Any]:
    told = {name: getattr(page, name) for name in ("connection", "folder", "name", "sha256", *COUNTED)}
    return {**told, "none": dict(page.none), **({"refused": list(page.refused)} if _refused(page) else {})}


def _refused(page: Entry) -> bool:
    """Was it a file of which nothing was read? (A poll's page says there why the poll stands.)"""
    return bool(page.refused) and of_file(page)


def _by_connection(group: Standing) -> dict[str, dict[str, Any]]:
    told: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for connection, topic, counts, waits in lines(group):
        told[connection][topic] = outcomes(counts, waits)
    return dict(told)


def lines(group: Standing) -> Iterator[tuple[str, str, Counter[str], int]]:
    """A group's books without the files: connection, topic, outcomes, how many wait."""
    done: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    waits: Counter[tuple[str, str]] = Counter()
    for row in group.rows():
        done[row.connection, row.topic] += group.done.get(row, Counter())
        waits[row.connection, row.topic] += group.waiting[row].count if row in group.waiting else 0
    for place in sorted(done):
        yield *place, done[place], waits[place]


def _show(audit: Audit) -> None:
    out = telling.console()
    head = ("connection", "file", "rows", "accepted", "rejected", "records", "joined", "none", "rescued")
    telling.table(out, "Files", head, (_shown(page) for page in audit.pages))
    columns = ("group", "connection", "topic", "delivered", "unchanged", "superseded", "skipped", "dead", "waiting")
    telling.table(out, "Groups", columns, (row for group in audit.groups for row in _group_rows(group)))
    doubts = [(group.group, *doubt) for group in audit.groups for doubt in group.doubts]
    if doubts:
        telling.table(out, "Perhaps twice at the platform", ("group", "connection", "topic", "object", "why"), doubts)
    for gap in audit.gaps:
        click.echo(f"GAP  {gap}")
    click.echo("The books balance." if audit.balanced else "The books do not balance.")


def _shown(page: Entry) -> tuple[object, ...]:
    none = ", ".join(f"{why} {count}" for why, count in page.none.items())
    name = page.name if page.folder == "pending" else f"{page.folder}/{page.name}"
    name += ", refused" if _refused(page) else ""
    counts = (page.rows, page.accepted, page.rejected, page.records, page.lines_joined)
    return (page.connection, name, *counts, none, page.rescued)


def _group_rows(group: Standing) -> Iterable[tuple[object, ...]]:
    for connection, topic, counts, waits in lines(group):
        told = outcomes(counts, waits)
        skipped = ", ".join(f"{policy} {count}" for policy, count in told["skipped"].items())
        yield (
            *(group.group, connection, topic, told["delivered"], told["unchanged"], told["superseded"]),
            *(skipped, told["dead"], told["waiting"]),
        )
