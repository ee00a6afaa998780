"""Erase a customer: tell every group and the producers, wait for those that run, and say what is left."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from confluent_kafka import TopicPartition

from consumers.engine.item import OWN, PART, TOPIC
from consumers.engine.sink import ERASE, Sink
from operations import platforms, polls, telling, whose
from operations.arguments import DONE, WRONG
from operations.lag import members
from operations.reading import Kafka, records, spans, there
from operations.standing import running
from operations.whose import Customer
from producers.erasure import Erasure, files_prefix, polls_prefix
from schemas import headers
from schemas.topics import Names
from tillstream.kafka import layout, topics
from tillstream.kafka.client import member
from tillstream.kafka.partitioner import partition_of
from tillstream.kafka.publisher import Message, Publisher
from tillstream.settings import Settings

PATIENCE = 60.0
"""Seconds that the command waits for those who erase; the order stands whoever waits."""
LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Left:
    """What the command leaves: where, until when it goes by itself ("": a person must act), and what it is."""

    where: str
    until: str
    told: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom an order concerns, and who is to carry it out."""

    customers: Sequence[Customer]
    groups: Mapping[str, Sequence[str]]  # group -> keys
    left: Sequence[Left]


def run(settings: Settings, person: str, dry_run: bool, yes: bool, as_json: bool, patience: float = PATIENCE) -> int:
    """Erase a person, and print who did their part and what is left."""
    kafka, names = settings.kafka.options(), Names(settings.topics.prefix)
    with telling.kafka_answers():
        scope = scoped(settings, person, datetime.now(UTC))
        if not scope.customers:
            telling.json(as_told(scope, {})) if as_json else click.echo("Nobody is known by that.")
            return DONE
        if not as_json:
            _show(scope)
        if dry_run:
            if as_json:
                telling.json(as_told(scope, {}))
            return DONE
        if not yes and not _agreed(as_json):
            return WRONG
        _ensure(settings, scope)
        placed = order(kafka, names, scope, datetime.now(UTC), polls.polled(settings, [polls.TILLS]))
        open_ = _wait(kafka, names, placed, patience)
    asked = ("producers", *(["polls"] if placed.polls else []), *scope.groups)
    done = {who: who not in open_ for who in asked}
    telling.json(as_told(scope, done)) if as_json else _told(done)
    return DONE


def scoped(settings: Settings, person: str, now: datetime) -> Scope:
    """Who is meant, and what an erasure would reach. Raises KafkaException."""
    kafka, names, sinks = settings.kafka.options(), Names(settings.topics.prefix), platforms.find()
    customers = whose.find(kafka, names, settings.connections, person)
    accounts = running(settings, sinks)
    groups = {
        group: sorted(
            key
            for customer in customers
            if group in settings.connections[customer.connection].platforms
            for key in customer.keys
        )
        for group in accounts
    }
    reached = {group: keys for group, keys in groups.items() if keys}
    return Scope(customers, reached, [*_by_hand(accounts, reached), *_by_itself(settings, now)])


def _by_hand(sinks: Mapping[str, Sink], groups: Iterable[str]) -> list[Left]:
    told = [
        Left(group, "", sinks[group].by_hand or f"delete the customer in {group}'s own pages")
        for group in groups
        if not any(route.part == ERASE for route in sinks[group].routes)
    ]
    files = "files of theirs in /processed, /rejected and /bulk, and in backups: yours to keep or delete"
    source = "the person in Apparel21: a row that changes there after this comes again as a new customer's"
    return [*told, Left("files", "", files), Left("apparel21 (source)", "", source)]


def _by_itself(settings: Settings, now: datetime) -> list[Left]:
    kept = settings.topics
    compacted = kept.compact_within + kept.segment_age
    tombstones = compacted + kept.keep_tombstones

    def until(keep: timedelta) -> str:
        return (now + keep).isoformat(timespec="minutes")

    return [
        Left("events", until(kept.keep_events + kept.segment_age), "records on customers, orders, rewards and tiers"),
        Left("replay topics", until(kept.keep_replays + kept.segment_age), "copies, and the order to erase itself"),
        Left("dead letters", until(kept.keep_dead_letters + kept.segment_age), "letters; they are not sent again"),
        Left("receipts", until(kept.keep_receipts + kept.segment_age), "what became of each record, by its key"),
        Left("state and memory", until(compacted), "old values, until Kafka has compacted them"),
        Left("state and memory (names)", until(tombstones), "the names of what was forgotten, address included"),
    ]


def _agreed(as_json: bool) -> bool:
    if as_json:
        click.echo("with --json, say --yes (or --dry-run): nobody is asked", err=True)
        return False
    with contextlib.suppress(click.Abort):  # nobody is there to answer
        if click.confirm("Erase for good? It cannot be undone", default=False):
            return True
    click.echo("Nothing was erased; --yes asks nobody.")
    return False


def _ensure(settings: Settings, scope: Scope) -> None:
    """The topics that take the orders are there."""
    plans = [*layout.shared(settings), *(plan for group in scope.groups for plan in layout.of_sink(settings, group))]
    topics.ensure(settings.kafka.options(), plans)


@dataclass(slots=True)
class Placed:
    """An order on its topics: by who is to obey it, the offsets (topic, partition) -> last one, or keys to be taken."""

    groups: dict[str, dict[int, int]]
    producers: set[bytes]
    polls: set[bytes]


def order(kafka: Kafka, names: Names, scope: Scope, now: datetime, polled: Collection[str] = ()) -> Placed:
    """Tell the groups and the producers, and who polls these connections, in one transaction. Raises KafkaException."""
    counts = there(kafka, [names.ingest, *(names.replay(group) for group in scope.groups)]).partitions
    placed = Placed({group: {} for group in scope.groups}, set(), set())
    until = headers.instant(now)
    value = b'{"until":"%s"}' % until.encode()
    told = [(OWN, b"1"), (TOPIC, b"customers"), (PART, ERASE.encode())]
    messages = []
    for group, keys in scope.groups.items():
        for key in keys:
            number = partition_of(key.encode(), counts[names.replay(group)])
            messages.append(
                Message(names.replay(group), key.encode(), value, told, number, _noted(placed.groups[group], number))
            )
    for customer in scope.customers:
        work = Erasure(customer.connection, tuple(sorted(customer.persons)), tuple(sorted(customer.addresses)))
        home = partition_of(customer.connection.encode(), counts[names.ingest])
        orders = [(placed.producers, files_prefix(customer.connection))]
        if customer.connection in polled:
            orders.append((placed.polls, polls_prefix(customer.connection, polls.find()[polls.TILLS].name)))
        for known, prefix in orders:
            name = prefix + uuid.uuid4().hex.encode()
            messages.append(Message(names.replays, name, work.dump(), [], home))
            known.add(name)
    Publisher(kafka, f"{names.prefix}tillstream.erase.{uuid.uuid4().hex[:8]}").commit(messages)
    return placed


def _noted(offsets: dict[int, int], number: int) -> Any:
    def note(offset: int) -> None:
        offsets[number] = max(offset, offsets.get(number, -1))

    return note


def _wait(kafka: Kafka, names: Names, placed: Placed, patience: float) -> set[str]:
    """Who has not obeyed yet when patience ends. Nobody waits for those who do not run."""
    deadline = time.monotonic() + patience
    roles = {"producers": "ingest", **({"polls": polls.ASKING} if placed.polls else {})}
    groups = {**roles, **{group: group for group in placed.groups}}
    staffed = members(kafka, names, groups.values())
    absent = {who for who, group in groups.items() if not staffed.get(group)}
    open_ = groups.keys() - absent
    while open_ and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        open_ = {who for who in open_ if not _obeyed(kafka, names, placed, who)}
    return open_ | absent


def _obeyed(kafka: Kafka, names: Names, placed: Placed, who: str) -> bool:
    if who in ("producers", "polls"):
        return not (placed.polls if who == "polls" else placed.producers) & _pending(kafka, names)
    wanted = placed.groups[who]
    reader = member(kafka, names.group(who))
    try:
        found = reader.committed([TopicPartition(names.replay(who), number) for number in wanted], 20)
    finally:
        reader.close()
    return all(part.offset > wanted[part.partition] for part in found)


def _pending(kafka: Kafka, names: Names) -> set[bytes]:
    """The orders that producers have not taken off their topic."""
    found: dict[bytes, bytes | None] = {}
    for message in records(kafka, spans(kafka, there(kafka, [names.replays]).partitions)):
        found[message.key()] = message.value()
    return {key for key, value in found.items() if value is not None}


def as_told(scope: Scope, done: Mapping[str, bool]) -> dict[str, Any]:
    """The erasure as a program reads it; without `done`, nothing was ordered."""
    return {
        "customers": [
            {
                "connection": customer.connection,
                "persons": sorted(customer.persons),
                "keys": sorted(customer.keys),
                "orders_waiting": len(customer.waiting),
            }
            for customer in scope.customers
        ],
        "erased": [{"who": who, "state": "done" if finished else "ordered"} for who, finished in sorted(done.items())],
        "left": [{"where": left.where, "until": left.until or None, "told": left.told} for left in scope.left],
    }


def _show(scope: Scope) -> None:
    out = telling.console()
    rows = [
        (customer.connection, ", ".join(sorted(customer.persons)), ", ".join(sorted(customer.keys)))
        for customer in scope.customers
    ]
    telling.table(out, "To be erased", ("connection", "Apparel21 ids", "keys"), rows)
    groups = [(group, len(keys)) for group, keys in scope.groups.items()]
    telling.table(out, "Who erases", ("group", "keys"), groups)
    left = [(left.where, left.until or "by hand", left.told) for left in scope.left]
    telling.table(out, "What is left", ("where", "until", "what"), left)


def _told(done: Mapping[str, bool]) -> None:
    for who, finished in sorted(done.items()):
        click.echo(f"{who}: erased" if finished else f"{who}: ordered; it is done as soon as a worker runs")
