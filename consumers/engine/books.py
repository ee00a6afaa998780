"""Write down what became of each record: memory, receipt, dead letter, shelf, counts; all for the next settlement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from consumers.engine import dead_letters
from consumers.engine.erased import POLICY
from consumers.engine.item import OWN, PART, TOPIC, Record, from_shelf
from consumers.engine.outcome import Deferred, Delivered, Emit, Final, Rejected, Skipped, Superseded, Unchanged, name
from schemas import headers as names
from schemas.codec import Codec
from schemas.topics import Names
from tillstream import telemetry
from tillstream.kafka.publisher import Message
from tillstream.packing import pack


@dataclass(slots=True)
class Books:
    """The one writer of outcomes in a worker. Nothing here is visible to others before its settlement."""

    group: str
    names: Names
    codec: Codec
    limit: dead_letters.Limit
    version: str
    tables: Callable[[str], str]  # connection -> version of its tables
    now: Callable[[], datetime]
    finished: int = 0

    def finish(self, record: Record, outcome: Final) -> None:
        """A record's last word. Raises TooManyDeadLetters."""
        self.finished += 1
        self._remember(record, outcome.remember)
        if isinstance(outcome, Rejected):
            if (
                not record.redriven
            ):  # whoever sends dead letters again looks at them; nobody else shall stand still for it
                self.limit.note(outcome.reason)
            self._bury(record, outcome)
        elif not record.ours and not record.redriven:
            self.limit.note("")
        if isinstance(outcome, Delivered):
            record.slot.shelf.hasten(record.key, self.now())
            if outcome.doubt:
                record.slot.note_doubt(record, outcome.doubt)
            for later in outcome.later:
                record.slot.shelf.follow_up(record.key, later, self.now())
        for emit in outcome.emits if isinstance(outcome, Delivered | Rejected) else ():
            record.slot.outbox.append(self._event(emit, record))
        if not isinstance(outcome, Unchanged):
            record.slot.outbox.append(self._receipt(record, outcome))
        self._count(record, outcome)
        self._pass(record)

    def shelve(self, record: Record, why: Deferred) -> None:
        """A record waits on the shelf from now on; its offset is passed. What was erased meanwhile is not laid down."""
        if record.slot.erased.covers(record):
            self.finish(record, Skipped(POLICY))
            return
        self._remember(record, why.remember)
        superfluous = record.slot.shelf.put(record, why, self.now())
        if superfluous and superfluous == record.shelf:
            self.finish(record, Superseded())
            return
        if superfluous:
            self.finish(from_shelf(record.slot, self.codec, record.slot.shelf.look(superfluous)), Superseded())
        record.slot.outbox.append(self._receipt(record, why))
        if record.offset >= 0:
            self._pass_offset(record)

    def _remember(self, record: Record, memory: Any) -> None:
        for part, value in memory.items():
            record.slot.remember(f"{record.key}#{part}", value)

    def _pass(self, record: Record) -> None:
        if record.shelf:
            record.slot.shelf.remove(record)
        if record.offset >= 0:
            self._pass_offset(record)

    def _pass_offset(self, record: Record) -> None:
        record.slot.positions[record.source].finish(record.offset)
        if record.redriven:
            record.slot.note_redriven(record.letter)
        record.slot.unsettled += 1

    def _count(self, record: Record, outcome: Final) -> None:
        if not record.counted or (record.redriven and isinstance(outcome, Rejected)):
            return
        told = name(outcome)
        if record.redriven:
            record.slot.count(record, "dead", -1)
        record.slot.count(record, f"{told}:{outcome.policy}" if isinstance(outcome, Skipped) else told)
        if isinstance(outcome, Delivered) and record.timestamp > 0 and not record.run:
            seconds = max(0.0, self.now().timestamp() - record.timestamp / 1000)
            telemetry.END_TO_END_LATENCY.labels(self.group, record.topic).observe(seconds)

    def _bury(self, record: Record, why: Rejected) -> None:
        origin = dead_letters.Origin(self.group, self.version, self.tables(record.connection), self.names)
        topic = self.names.dead_letters(self.group)
        record.slot.outbox.append(dead_letters.letter(topic, origin, record, why, self.now()))
        telemetry.DLQ_RECORDS.labels(self.group, why.reason).inc()

    def _event(self, emit: Emit, cause: Record) -> Message:
        key = emit.key.encode()
        if emit.part:
            headers = [(OWN, b"1"), (TOPIC, emit.topic.encode()), (PART, emit.part.encode())]
            return Message(self.names.replay(self.group), key, pack(emit.value), headers)
        value, (payload, content) = emit.value, self.codec.encode(emit.topic, emit.value)
        line = value.get("line") or 0
        when = names.order(value["source_time"], value.get("file_time"), line)
        # No page of the books accounts for it: what it was learned from is counted there already.
        told = names.of_event(content, when, cause.object, line, value["origin"], page="")
        return Message(self.names.topic(emit.topic), key, payload, told)

    def _receipt(self, record: Record, outcome: Final | Deferred) -> Message:
        told: dict[str, Any] = {
            "time": self.now().astimezone(UTC).isoformat(timespec="milliseconds"),
            "group": self.group,
            "topic": record.topic,
            "part": record.part,
            "partition": record.slot.number,
            "offset": record.place,
            "file": record.file,
            "line": record.line,
            "object": record.object,
            "outcome": name(outcome),
        }
        match outcome:
            case Delivered(call=call, status=status, note=note):
                told |= {"call": call, "status": status, "note": note}
            case Rejected(reason=reason, message=message, status=status):
                told |= {"why": reason, "message": message, "status": status}
            case Skipped(policy=policy):
                told["why"] = policy
            case Deferred(why=why, until=until, wakes=wakes, told=message):
                told |= {"why": why, "message": message, "until": until.isoformat() if until else wakes}
            case _:
                pass
        if record.run:
            told["run"] = record.run
        return Message(self.names.receipts, record.key.encode(), pack(told))
