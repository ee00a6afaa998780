"""Reckon what a replay would do, from what the group remembers, with nothing sent."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from consumers.engine.item import REPLAYS, Record
from consumers.engine.outcome import Outcome, Skipped, name
from consumers.engine.quick import unchanged
from consumers.engine.sink import EVERY, Account, Route, Sink, Work
from consumers.engine.slot import FIRST, START, Slot
from consumers.engine.wire import Request
from operations.reading import Kafka, there
from operations.rehearsal import drive
from operations.replaying import Order, again, meant
from schemas.codec import Codec, Poison, UnknownSchema
from schemas.topics import Names
from tillstream.kafka.state import State

AT_ONCE = 5_000


@dataclass(slots=True)
class Forecast:
    """What would become of the records, how often which endpoint would be called, and the minutes that takes.

    Calls are those of records that go one by one and meet only people nobody knows at the platform; where the backlog
    goes by a bulk endpoint there are fewer.
    """

    records: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    points: Counter[tuple[str, str]] = field(default_factory=Counter)  # what the calls cost of their quotas

    def minutes(self, connection: str, endpoint: str, sink: Sink, account: Account, share: float) -> float:
        """How long the calls of an endpoint take at this share of its quota; 0 where it has none."""
        own = share * float(getattr(account.settings, "quota_share", 1.0))
        declared = {quota.endpoint: quota.windows for quota in sink.quotas(account.settings)}
        windows = declared.get(endpoint, declared.get(EVERY, ()))
        together = {endpoint} if endpoint in declared else {name for _, name in self.calls if name not in declared}
        points = sum(self.points[connection, name] for name in together)
        return max((points / (limit * own) * seconds / 60 for seconds, limit in windows), default=0.0)


class NoFirst:
    """Knows a connection's first load only from what the state says."""

    def is_first(self, slot: Slot, connection: str, file: str) -> bool:
        """Was this file the connection's first, as the group noted?"""
        raw = slot.state.get(FIRST + connection)
        return raw is not None and raw.decode() == file


@dataclass
class Oracle:
    """One platform as it would judge: its plans, the accounts, and how records are read."""

    sink: Sink
    accounts: Mapping[str, Account]
    reads: Codec

    def judge(self, record: Record, forecast: Forecast) -> None:
        """What would become of a record; what the group would remember is remembered for the next."""
        forecast.records += 1
        outcome = self._outcome(record, forecast)
        for part, value in (getattr(outcome, "remember", None) or {}).items():
            record.slot.remember(f"{record.key}#{part}", value)
        told = name(outcome)
        forecast.outcomes[f"{told}: {outcome.policy}" if isinstance(outcome, Skipped) else told] += 1

    def _outcome(self, record: Record, forecast: Forecast) -> Outcome:
        account = self.accounts.get(record.connection)
        if account is None:
            return Skipped("no_account")
        route = next(route for route in self.sink.routes if route.topic == record.topic and not route.part)
        return self._early(record, route) or self._planned(record, route, account, forecast)

    def _early(self, record: Record, route: Route) -> Outcome | None:
        start = record.slot.state.get(START + record.connection)
        if route.kind == "fact" and start is not None and record.timestamp / 1000 < float(start):
            return Skipped("before_start")
        return unchanged(record, route, self.accounts[record.connection].version)

    def _planned(self, record: Record, route: Route, account: Account, forecast: Forecast) -> Outcome:
        asked: list[Request] = []
        try:
            record.record  # noqa: B018  # decoded here, where bytes that cannot be read are an outcome
        except (Poison, UnknownSchema):
            return Skipped("unreadable")
        [outcome] = drive(self.sink, route.plan(account, [Work((record,))]), asked)
        for request in asked:
            forecast.calls[record.connection, request.endpoint] += 1
            forecast.points[record.connection, request.endpoint] += request.cost
        found: Outcome = outcome
        return found


def forecast(kafka: Kafka, names: Names, order: Order, oracle: Oracle, folder: Path) -> Forecast:
    """What an order would do. `folder`: where a copy of the group's state may lie meanwhile. Raises KafkaException."""
    made, state = Forecast(), names.state(oracle.sink.name)
    ids = there(kafka, [state]).ids
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="forecast-", dir=folder) as place:
        for number, end in order.ends.items():
            part = replace(order, nexts={number: order.nexts[number]}, ends={number: end})
            with closing(State(state, int(number), ids.get(state, ""), Path(place))) as memory:
                if ids:  # a group that has never worked remembers nothing
                    memory.restore(kafka)
                for record in _records(kafka, names, part, Slot(int(number), memory, NoFirst()), oracle.reads):
                    oracle.judge(record, made)
                    if made.records % AT_ONCE == 0:
                        _lay_down(memory)
    return made


def _records(kafka: Kafka, names: Names, order: Order, slot: Slot, reads: Codec) -> Iterator[Record]:
    """The copies as the group's worker would take them."""
    for message, chosen in meant(kafka, names, order):
        if chosen:
            key, headers, time = message.key().decode("utf-8", "replace"), again(order, message), message.timestamp()[1]
            yield Record(slot, REPLAYS, order.topic, message.offset(), time, key, message.value(), headers, reads)


def _lay_down(memory: State) -> None:
    """What would be remembered goes to the disk; it is thrown away in the end."""
    memory.changes()
    memory.committed(0)
