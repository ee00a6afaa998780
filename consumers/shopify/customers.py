"""Bring sign-ups of the tills to the shop: one customer for each address.

What is remembered under an address ("profile"): `person` (the first at the address), `id` (the shop's number of the
customer), `body` (what was ever said, laid over each other: empty never overwrites), `voices`, `did` and `wrote` (see
consent.py), `sent` (hash of what the shop was told), `from` (the address before, until the shop has the new one),
`seen`, `tables`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from consumers import policies
from consumers.engine.outcome import Delivered, Emit, Outcome, Skipped, Superseded, Unchanged
from consumers.engine.sink import Account, Item, Work, body_hash, newest, saw, seen
from consumers.engine.wire import Json, Plan
from consumers.shopify import consent
from consumers.shopify.bring import Brought, bring
from schemas.definitions import blank
from tillstream.mapping.rows import absent

TABLE, MEMORY, MOVED = "shopify.customer", "profile", "moved"
PLACE = ("adrs1", "adrs2", "city", "state", "postcode")
OWN = ("person", "id", "body", "voices", "did", "wrote", "sent", "from")

Memory = dict[str, Json]


@dataclass(slots=True)
class Case:
    """Records of one address, folded: what is remembered, what to say elsewhere, and why a record changed nothing."""

    account: Account
    key: str
    memory: Memory
    emits: list[Emit] = field(default_factory=list)
    changed: bool = False
    forced: bool = False
    nothing: Unchanged | Superseded | Skipped = field(default_factory=Unchanged)

    @property
    def email(self) -> str:
        """The address whose customer it is."""
        return policies.address(self.key)


def customers(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """The customer records of one address."""
    items = works[0].items
    case = Case(account, items[-1].key, _recall(items[-1]), forced=any(item.forced for item in items))
    for item in items:
        _take(case, item)
    return [(yield from _conclude(case))]


def moved(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """What the lane of a former address knew of a person who has moved to this one."""
    items = works[0].items
    case = Case(account, items[-1].key, _recall(items[-1]), changed=True)
    for item in items:
        _welcome(case, item.record)
    return [(yield from _conclude(case))]


def _recall(item: Item) -> Memory:
    return dict(item.known(MEMORY) or {})


def _take(case: Case, item: Item) -> None:
    """Lay one record over what is known. Against somebody's leaving no other person's row counts, be it newer."""
    record, memory = item.record, case.memory
    if policy := _policy(case, item):
        case.nothing = Skipped(policy)
        return
    voices = consent.hear(memory.get("voices", {}), record)
    news = voices != memory.get("voices", {})
    leaves, (_, own) = policies.leaves(record, item.key), seen(memory, item) or ("", "")
    if item.order and item.order < (own if leaves else newest(memory)):
        case.nothing = Superseded()
        case.memory = {**memory, "voices": voices}
        case.changed = case.changed or news
        return
    known = memory.get("body", {}) if memory.get("tables") in (None, "", case.account.version) else {}
    case.memory = saw({**memory, "voices": voices, "body": known}, item, case.account.version)
    if leaves:
        _farewell(case, record)
        return
    if not record["rescued"]:
        case.memory |= _settled(case, record)
    case.changed = True


def _policy(case: Case, item: Item) -> policies.Policy:
    origins = (policies.POLL, policies.FILE) if case.account.settings.from_files else (policies.POLL,)
    return policies.origin(item.record, origins) or policies.no_email(item.key)


def _settled(case: Case, record: Mapping[str, Any]) -> Memory:
    """A person lives at this address."""
    memory, before = case.memory, policies.former(record)
    body = {**memory["body"], **_body(case.account, record)}
    former = {"from": before} if before not in ("", case.email) and not memory.get("id") else {}
    return {"person": memory.get("person") or record["person_id"], "body": {**body, "email": case.email}, **former}


def _body(account: Account, record: Mapping[str, Any]) -> Json:
    """What the table makes of a record, without consent, which is told of all persons at the address together."""
    place = {name: record[name] for name in PLACE}
    country = record["country"] or account.connection.country
    places = [{**place, "country": country}] if any(not absent(value) for value in place.values()) else []
    known = {"tags": list(account.settings.tags)}
    return account.tables[TABLE].apply({**record, "places": places, "known": known})


def _farewell(case: Case, record: Mapping[str, Any]) -> None:
    """Tell the new address what is known; the customer goes along unless it is another person's."""
    memory, person = case.memory, record["person_id"]
    owns = memory.get("person") in (None, person)
    news = {name: memory[name] for name in OWN if owns and name in memory}
    voices = {channel: {person: said[person]} for channel, said in memory["voices"].items() if person in said}
    body = {**news.get("body", {}), **_body(case.account, record), "email": record["email"]}
    news |= {"person": person, "voices": voices, "body": body, "from": case.email}
    case.emits.append(Emit("customers", f"{case.account.connection.name}/{record['email']}", news, part=MOVED))
    gone = {channel: {who: one for who, one in said.items() if who != person}
            for channel, said in memory["voices"].items()}  # fmt: skip
    kept = {name: value for name, value in memory.items() if not (owns and name in OWN)}
    case.memory = {**kept, "voices": gone}
    case.changed = case.changed and bool(case.memory.get("body"))


def _welcome(case: Case, news: Mapping[str, Json]) -> None:
    """Who is known at this address already stays who it is there."""
    memory = case.memory
    voices = consent.together(memory.get("voices", {}), news["voices"])
    if memory.get("id"):
        case.memory = {**memory, "voices": voices}
        return
    body = {**news["body"], **memory.get("body", {}), "email": case.email}
    taken = {name: value for name, value in news.items() if name in OWN and name != "sent"}
    case.memory = {**memory, **taken, "voices": voices, "body": body}


def _conclude(case: Case) -> Plan[Outcome]:
    """Tell the shop what is new, and say what became of the last record."""
    emits = tuple(case.emits)
    if not case.changed:
        return _nothing_to_tell(case, {} if isinstance(case.nothing, Skipped) else {MEMORY: case.memory})
    wishes = consent.wishes(case.memory.get("voices", {}))
    told = body_hash([case.memory.get("body"), case.memory.get("person"), {c: w.yes for c, w in wishes.items()}])
    if case.memory.get("sent") == told and case.memory.get("id") and not case.forced:
        return _nothing_to_tell(case, {MEMORY: case.memory})
    done = yield from bring(case.account, case.email, case.memory, wishes)
    if not isinstance(done, Brought):
        return done
    if not done.id:
        return Delivered({MEMORY: case.memory}, emits) if emits else Skipped("opt_out_only", {MEMORY: case.memory})
    return _delivered(case, done, told)


def _nothing_to_tell(case: Case, remember: Memory) -> Outcome:
    if case.emits:
        return Delivered(remember, tuple(case.emits), note="moved to another address")
    return replace(case.nothing, remember=remember)


def _delivered(case: Case, done: Brought, told: str) -> Delivered:
    """With what is remembered, and the shop's id for the others who wait for it."""
    memory = {name: value for name, value in case.memory.items() if name != "from"}
    memory |= {"id": done.id, "did": done.did, "wrote": done.wrote, "sent": told}
    fresh = case.forced or case.memory.get("id") != done.id or "from" in case.memory
    emits = [*case.emits, *([_known_as(case, done.id)] if fresh else [])]
    return Delivered({MEMORY: memory}, tuple(emits), status=200, call=done.call, note=done.note)


def _known_as(case: Case, number: str) -> Emit:
    """The event that says by which id the shop knows the person."""
    now: datetime = case.account.now()
    record = {
        **blank("customers"),
        "connection": case.account.connection.name,
        "origin": "shopify",
        "source_time": now,
        "zone": str(case.account.connection.timezone),
        "email": case.email,
        "person_id": case.memory.get("person", ""),
        "shopify_id": number,
    }
    return Emit("customers", case.key, record)
