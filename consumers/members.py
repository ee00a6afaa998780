"""Bring customers to a loyalty platform: one account for each address, under an id of ours that never changes.

Without a Shopify shop in the connection the id is that of the first person at the address (PERIDX); with one it is the
shop's id of the customer, and nobody goes before that is known. What is remembered under an address ("profile"):
`id` and `person` (the account's owner), `shopify`, `body` (what was ever said, laid over each other: empty never
overwrites), `sent` (hash of what the platform has), `moved` (who has left: where `to`, with which `id`), `seen`,
`tables`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from consumers import policies
from consumers.engine.outcome import Delivered, Emit, Outcome, Skipped, Superseded, Unchanged
from consumers.engine.sink import Account, Item, PlanMaker, Work, body_hash, newest, saw, seen
from consumers.engine.wire import Json, Plan, Request, Response, ask

SHOP = "shopify"
MOVED = "moved"
Memory = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Desk:
    """How a platform takes a member: its mapping table, the request for an id and a body (and how it is called), and
    what a refusal means."""

    table: str
    call: str
    request: Callable[[str, Json], Request]
    judge: Callable[[Response], Outcome]


class Sent(NamedTuple):
    """An account as the platform has it now, and what became of the request, if one was needed."""

    memory: Memory
    response: Response | None
    refusal: Outcome | None = None


class Buyer(NamedTuple):
    """Who bought something: the platform's name for them ("" while it has none), their address, and what is to be
    remembered of an account that was made just now."""

    id: str
    email: str
    memory: Memory | None = None


@dataclass(slots=True)
class Case:
    """Records of one address, folded: what is remembered, what to say elsewhere, and why a record changed nothing."""

    account: Account
    memory: Memory
    emits: list[Emit] = field(default_factory=list)
    changed: bool = False
    forced: bool = False
    nothing: Outcome = field(default_factory=Unchanged)


def recall(item: Item) -> Memory:
    """What is remembered of the address in a record's key."""
    return dict(item.known("profile") or {})


def identity(account: Account, memory: Mapping[str, Json]) -> str:
    """The id by which the platform knows the account, "" while it has none."""
    return str(memory.get("shopify" if by_shopify(account) else "id") or "")


def by_shopify(account: Account) -> bool:
    """Does the platform know customers by their Shopify id?"""
    return SHOP in account.connection.platforms


def rows(desk: Desk) -> PlanMaker:
    """The plan for the customer records of one address."""

    def plan(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
        items = works[0].items
        case = Case(account, recall(items[-1]), forced=any(item.forced for item in items))
        for item in items:
            _take(desk, case, item)
        return [(yield from _conclude(desk, case))]

    return plan


def arrivals(desk: Desk) -> PlanMaker:
    """The plan for what the lane of a former address knew of a person who has moved to this one."""

    def plan(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
        items = works[0].items
        case = Case(account, recall(items[-1]), changed=True)
        for item in items:
            _welcome(case.memory, item.record)
        return [(yield from _conclude(desk, case))]

    return plan


def _welcome(memory: Memory, news: Mapping[str, Json]) -> None:
    """Who has an account at this address already keeps it; of what both know of a person the newer counts."""
    if memory.get("person") not in (None, "", news["person"]):
        return
    body, here = news["body"], memory.get("body", {})
    if newest(news) > newest(memory):
        memory["body"] = merged(here, body)
        memory["seen"] = {**memory.get("seen", {}), **news["seen"]}
    else:
        memory["body"] = merged(body, {**here, "email": body.get("email")})
    if not memory.get("sent"):
        memory |= {name: value for name, value in news.items() if value and name not in ("body", "seen")}


def _take(desk: Desk, case: Case, item: Item) -> None:
    """Lay one record over what is known."""
    record, memory = item.record, case.memory
    policy = _policy(item)
    if policy:
        case.nothing = Skipped(policy)
    elif record["origin"] == SHOP:
        memory["shopify"] = record["shopify_id"]
        case.changed = True
    elif item.order and item.order < _newest(memory, item):
        case.nothing = Superseded()
    elif policies.leaves(record, item.key):
        _farewell(desk, case, item)
    else:
        memory["id"] = memory.get("id") or record["person_id"]
        memory["person"] = memory.get("person") or record["person_id"]
        memory["body"] = merged(_known(case, memory), _body(desk, case.account, record))
        memory["moved"] = {who: gone for who, gone in memory.get("moved", {}).items() if who != record["person_id"]}
        case.memory = saw(memory, item, case.account.version)
        case.changed = True


def _newest(memory: Memory, item: Item) -> str:
    """The order of the newest row that counts against this one: its own person's and, unless that person leaves, those
    of all others who live here still."""
    _, own = seen(memory, item) or ("", "")
    if policies.leaves(item.record, item.key):
        return own
    gone = memory.get("moved", {})
    here: list[str] = [entry[1] for who, entry in memory.get("seen", {}).items() if who not in gone]
    return max([own, *here])


def _policy(item: Item) -> policies.Policy:
    record = item.record
    shop_says_nothing = record["origin"] == SHOP and not record["shopify_id"]
    return (
        policies.origin(record, (policies.FILE, policies.POLL, SHOP))
        or policies.no_email(item.key)
        or ("opt_out_only" if record["rescued"] else None)
        or ("no_shopify_id" if shop_says_nothing else None)
    )


def _known(case: Case, memory: Memory) -> Json:
    """What was said under other tables may have had other names."""
    return memory.get("body", {}) if memory.get("tables") in (None, "", case.account.version) else {}


def _body(desk: Desk, account: Account, values: Mapping[str, Any]) -> Json:
    return account.tables[desk.table].apply(values)


def _farewell(desk: Desk, case: Case, item: Item) -> None:
    """Tell the new address what is known; the account goes along unless it is another person's. Whoever stays without
    it gets one of their own: their rows are looked at again."""
    record, memory = item.record, case.memory
    person, goes = record["person_id"], ("id", "person", "shopify", "sent", "body")
    owns = memory.get("person") in (None, person)
    kept = {name: memory.get(name) for name in goes} if owns else {}
    body = merged(kept.get("body") or {}, _body(desk, case.account, record))
    news = {**kept, "id": kept.get("id") or person, "person": person, "body": body}
    news |= {"seen": {person: [item.content, item.order]}}
    case.emits.append(Emit("customers", f"{item.connection}/{record['email']}", news, part=MOVED))
    if owns:
        memory = {name: value for name, value in memory.items() if name not in goes}
        memory["seen"] = {who: ["", entry[1]] for who, entry in memory.get("seen", {}).items()}
    gone = {"to": record["email"], "id": identity(case.account, {**kept, "id": news["id"]})}
    moved = {**memory.get("moved", {}), person: gone}
    case.memory = saw({**memory, "moved": moved}, item, case.account.version)


def _conclude(desk: Desk, case: Case) -> Plan[Outcome]:
    """Send what is new, and say what became of the last record."""
    emits = tuple(case.emits)
    if not case.changed or not _complete(case):
        why = _missing(case) if case.changed else case.nothing
        remember = {"profile": {**case.memory, **({"tables": ""} if case.changed else {})}}
        if emits:
            return Delivered(remember, emits, note="moved to another address")
        if isinstance(why, Skipped):
            return Skipped(why.policy, remember if case.changed else {})
        return why
    memory, response, refusal = yield from save(desk, case.account, case.memory, forced=case.forced)
    if refusal is not None:
        return refusal
    if response is None:
        return Delivered({"profile": memory}, emits) if emits else Unchanged({"profile": memory})
    return Delivered({"profile": memory}, emits, status=response.status, call=desk.call)


def _complete(case: Case) -> bool:
    return bool(identity(case.account, case.memory) and case.memory.get("body"))


def _missing(case: Case) -> Skipped:
    return Skipped("no_customer" if not case.memory.get("body") else "no_shopify_id")


def save(desk: Desk, account: Account, memory: Memory, *, forced: bool = False) -> Plan[Sent]:
    """Bring an account that has an id to the platform, unless that is what the platform has."""
    name = identity(account, memory)
    known = _body(desk, account, {"known": {"id": name, "person": memory.get("person")}})
    body = merged(memory.get("body", {}), known)
    sent = body_hash([name, body])
    if memory.get("sent") == sent and not forced:
        return Sent(memory, None)
    response = yield from ask(desk.request(name, body))
    if not response.ok:
        return Sent(memory, response, desk.judge(response))
    return Sent({**memory, "sent": sent}, response)


def buyer(desk: Desk, account: Account, item: Item) -> Plan[Buyer | Outcome]:
    """The account of who bought something, made now if need be, if only under address and id."""
    memory, record, here = recall(item), item.record, policies.address(item.key)
    if moved := memory.get("moved", {}).get(record["person_id"]):
        return Buyer(moved["id"], moved["to"])
    if not memory.get("sent"):
        memory |= {"id": memory.get("id") or record["person_id"], "person": memory.get("person") or record["person_id"]}
        memory["body"] = memory.get("body") or _body(desk, account, {"email": here})
    name = identity(account, memory)
    if memory.get("sent") or not name:
        return Buyer(name, here)
    saved, _, refusal = yield from save(desk, account, {**memory, "tables": memory.get("tables", "")})
    return Buyer(name, here, saved) if refusal is None else refusal


def merged(under: Json, over: Json) -> Json:
    """Two JSON objects laid over each other.

    >>> merged({"a": 1, "b": {"c": 2}}, {"b": {"d": 3}, "a": 4})
    {'a': 4, 'b': {'c': 2, 'd': 3}}
    """
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    both = {name: merged(under[name], value) if name in under else value for name, value in over.items()}
    return {**under, **both}
