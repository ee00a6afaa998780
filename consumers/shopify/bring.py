"""Bring one customer to the shop: look whom it has, then make somebody, or add to whom it has what is missing.

An answer that never came is no failure: the next try begins with a look, and finds what was made. The same holds where
the shop says that an address is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from consumers.engine.outcome import Refusal, Rejected, RetryLater
from consumers.engine.sink import Account
from consumers.engine.wire import Json, Plan, Request, Response, under
from consumers.marketing import CHANNELS, Channel
from consumers.shopify import requests
from consumers.shopify.consent import PARTS, Wish, due, written
from consumers.shopify.errors import SOON, Complaint, complaints, payload, rejected, trouble
from consumers.shopify.found import Found, found
from consumers.shopify.speak import speak, speak_all

ROUNDS = 3
"""How often to look again when somebody else was quicker."""
FILLED = {"firstName": "first", "lastName": "last", "note": "note", "addresses": "place"}
"""What is added only where it is empty -> what the shop has of it."""
DROPPED: Mapping[str, tuple[str, ...]] = {
    "phone_taken": ("phone", "smsMarketingConsent"),
    "bad_phone": ("phone", "smsMarketingConsent"),
    "bad_address": ("addresses",),
    "bad_consent": ("emailMarketingConsent", "smsMarketingConsent"),
}
"""What is left out and tried without, by what the shop has against it."""
AGAIN = ("email_taken", "nobody")
TAKEN = Complaint("phone_taken", "the number is another customer's")

Memory = Mapping[str, Json]


class Brought(NamedTuple):
    """The customer as the shop has it now; `id` "": it has none, and an opt-out makes nobody."""

    id: str
    did: dict[str, Json]
    wrote: dict[str, Json]
    call: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be in the shop: all that may be said of a customer, and what the persons at the address wish."""

    account: Account
    email: str
    memory: Memory
    body: dict[str, Json]
    wishes: Mapping[Channel, Wish]
    notes: list[str] = field(default_factory=list)

    def told(self, channels: Iterable[Channel]) -> dict[str, Json]:
        """What these channels are remembered with."""
        wishes = {channel: self.wishes[channel] for channel in channels}
        return {channel: [wish.yes, written(wish.since)] for channel, wish in wishes.items()}

    def known(self, part: str, customer: str) -> dict[str, Json]:
        """What is remembered of consent (`did`, `wrote`) of this customer; another one is met for the first time."""
        return dict(self.memory.get(part, {})) if self.memory.get("id") in (None, customer) else {}


class Looked(NamedTuple):
    """Whom the shop has at the address, and whose the number is (its global id, "" for nobody's)."""

    customer: Found | None
    number: str


def bring(account: Account, email: str, memory: Memory, wishes: Mapping[Channel, Wish]) -> Plan[Brought | Refusal]:
    """Look, then make or add; look again (at most three times) where that shows that the look was too early."""
    task = Task(account, email, memory, whole(account, memory, wishes), wishes)
    for _ in range(ROUNDS):
        looked = yield from _look(task)
        if not isinstance(looked, Looked):
            return looked
        if looked.customer is not None:
            done = yield from _adopt(task, looked.customer, looked.number)
        elif not memory.get("body"):
            return Brought("", {}, {})
        else:
            done = yield from _create(task, looked.number)
        if not isinstance(done, Complaint):
            return done
        if done.meaning not in AGAIN:
            return rejected(done)
    return RetryLater(SOON, "the shop's answers contradict each other; somebody else changes this customer")


def whole(account: Account, memory: Memory, wishes: Mapping[Channel, Wish]) -> dict[str, Json]:
    """What may be said of a customer: what was said of the person, who it is, and consent."""
    known: dict[str, Json] = {}
    for channel, wish in wishes.items():
        known |= {f"{channel}_yes": wish.yes, f"{channel}_since": wish.since}
    people = [{"person_id": memory["person"]}] if memory.get("person") else []
    return {**memory.get("body", {}), **account.tables["shopify.customer"].apply({"known": known, "people": people})}


# -- look -----------------------------------------------------------------------------------------------------------


def _look(task: Task) -> Plan[Looked | Refusal]:
    """By address and number side by side; then by the former address, if its customer is this person.

    A number that Shopify cannot look up is nobody's; whether it takes it is seen when it is sent.
    """
    asked = [requests.look_up("emailAddress", task.email)]
    if phone := task.body.get("phone"):
        asked.append(requests.look_up("phoneNumber", phone))
    by_address, *by_number = yield from speak_all(task.account, asked)
    refusals = [trouble(by_address), *(one for one in map(trouble, by_number) if not isinstance(one, Rejected))]
    for refusal in refusals:
        if refusal is not None:
            return refusal
    customer = found(payload(by_address))
    owner = found(payload(by_number[0])) if by_number and trouble(by_number[0]) is None else None
    number = owner.gid if owner else ""
    former = _former(task.memory)
    if customer is not None or former is None:
        return Looked(customer, number)
    ours = yield from _ours(task, former)
    return Looked(ours, number) if isinstance(ours, Found | None) else ours


def _former(memory: Memory) -> Request | None:
    """Where to look for the person's customer who is not at the address: at the one before; or by the shop's id, for an
    address may be changed in the shop alone."""
    if memory.get("from"):
        return requests.look_up("emailAddress", memory["from"])
    return requests.look_up("id", f"{requests.GID}{memory['id']}") if memory.get("id") else None


def _ours(task: Task, request: Request) -> Plan[Found | Refusal | None]:
    """The person's customer, found in another way."""
    answer = yield from speak(task.account, request)
    if (refusal := trouble(answer)) is not None:
        return refusal
    before = found(payload(answer))
    ours = before is not None and (before.id == task.memory.get("id") or before.person == task.memory.get("person"))
    return before if ours else None


# -- somebody new ---------------------------------------------------------------------------------------------------


def _create(task: Task, number: str) -> Plan[Brought | Complaint | Refusal]:
    """Make a customer; what the shop has against a part of the body is left out and said."""
    body = dict(task.body)
    if not body.get("phone"):
        body.pop(PARTS["sms"], None)
    if number:
        _leave_out(task, body, TAKEN)
    while True:
        answer = yield from speak(task.account, requests.create(dict(body)))
        if (refusal := _refusal(answer)) is not None:
            return refusal
        against = complaints(answer)
        if not against:
            return _made(task, answer, body)
        helped = [_leave_out(task, body, one) for one in against]
        if not any(helped):
            return against[0]


def _made(task: Task, answer: Response, body: Mapping[str, Json]) -> Brought | RetryLater:
    customer = under(payload(answer), "customer")
    number = str(customer.get("legacyResourceId") or str(customer.get("id") or "").rpartition("/")[2])
    if not number:
        return RetryLater(SOON, "the shop does not say whom it has made")
    told = task.told(channel for channel in task.wishes if PARTS[channel] in body)
    return Brought(number, told, told, "customerCreate", "; ".join(task.notes))


def _leave_out(task: Task, body: dict[str, Json], against: Complaint) -> bool:
    """Take out of a body what the shop has something against; was there anything to take out?"""
    parts = [part for part in DROPPED.get(against.meaning, ()) if part in body]
    for part in parts:
        del body[part]
    if parts and against.told not in task.notes:
        task.notes.append(against.told)
    return bool(parts)


def _refusal(answer: Response) -> Refusal | None:
    """An unclear answer may mean that it was done: whoever looks again will see."""
    if answer.unclear:
        return RetryLater(SOON, f"no clear answer ({answer.status}); the customer is looked for before the next try")
    return trouble(answer)


# -- whom the shop has ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Adoption:
    """A customer of the shop's while we add to it: the number the customer has there, what was decided of consent, what
    of it we wrote, and what we did."""

    task: Task
    customer: Found
    phone: str
    did: dict[str, Json]
    wrote: dict[str, Json]
    calls: list[str] = field(default_factory=list)


def _adopt(task: Task, customer: Found, number: str) -> Plan[Brought | Complaint | Refusal]:
    """Add what is missing, one call after the other; whatever is cut off here is done by the next try. A no goes first:
    it holds though all the rest be refused."""
    did, wrote = task.known("did", customer.id), task.known("wrote", customer.id)
    work = Adoption(task, customer, customer.phone, did, wrote)
    steps = (_agree(work, yeses=False), _fill(work, number), _tag(work), _mark(work), _agree(work))
    for step in steps:
        stopped = yield from step
        if stopped is not None:
            return stopped
    call = work.calls[-1] if work.calls else "customerByIdentifier"
    return Brought(customer.id, work.did, work.wrote, call, "; ".join(task.notes))


Stop = Complaint | Refusal | None


def _fill(work: Adoption, number: str) -> Plan[Stop]:
    """Fields that are empty in the shop, and a changed address."""
    body = dict(_missing(work, number))
    while body:
        answer = yield from speak(work.task.account, requests.update(work.customer.gid, body))
        stopped, against = _judged(answer)
        if stopped is not None:
            return stopped
        if not against:
            work.calls.append("customerUpdate")
            work.phone = str(body.get("phone") or work.phone)
            return None
        helped = [_leave_out(work.task, body, one) for one in against]
        if not any(helped):
            return against[0]
    return None


def _missing(work: Adoption, number: str) -> Iterator[tuple[str, Json]]:
    task, customer = work.task, work.customer
    if customer.email != task.email and customer.email == task.memory.get("from"):
        yield "email", task.email
    if task.body.get("phone") and not customer.phone:
        if number in ("", customer.gid):
            yield "phone", task.body["phone"]
        elif TAKEN.told not in task.notes:
            task.notes.append(TAKEN.told)
    for name, part in FILLED.items():
        if task.body.get(name) and not getattr(customer, part):
            yield name, task.body[name]


def _tag(work: Adoption) -> Plan[Stop]:
    has = {tag.casefold() for tag in work.customer.tags}
    missing = [tag for tag in work.task.body.get("tags", ()) if str(tag).casefold() not in has]
    if missing:
        return (yield from _call(work, requests.add_tags(work.customer.gid, missing), "tagsAdd"))
    return None


def _mark(work: Adoption) -> Plan[Stop]:
    """The first person at the address keeps the customer."""
    fields = work.task.body.get("metafields")
    if fields and not work.customer.person:
        return (yield from _call(work, requests.set_metafields(work.customer.gid, fields), "metafieldsSet"))
    return None


def _agree(work: Adoption, *, yeses: bool = True) -> Plan[Stop]:
    """Consent (or only what is a no), where what the till says is news and newer than what the shop has."""
    task = work.task
    for channel in CHANNELS:
        wish, part = task.wishes.get(channel), PARTS[channel]
        told = task.body.get(part)
        did, wrote = work.did.get(channel), work.wrote.get(channel)
        if wish is None or not told or (wish.yes and not yeses) or not _reaches(work, channel, yes=wish.yes):
            continue
        work.did |= task.told([channel])
        if not due(wish, work.customer.standing[channel], did, wrote):
            continue
        call = "customerEmailMarketingConsentUpdate" if channel == "email" else "customerSmsMarketingConsentUpdate"
        stopped = yield from _call(work, requests.consent(work.customer.gid, part, told), call)
        if stopped is not None:
            return stopped
        work.wrote |= task.told([channel])
    return None


def _reaches(work: Adoption, channel: Channel, *, yes: bool) -> bool:
    """A yes is for the till's address or number alone; a no is for whichever the shop has."""
    if channel == "email":
        return not yes or work.customer.email in ("", work.task.email, work.task.memory.get("from"))
    return work.phone == work.task.body.get("phone") if yes else bool(work.phone)


def _call(work: Adoption, request: Request, call: str) -> Plan[Stop]:
    answer = yield from speak(work.task.account, request)
    stopped, against = _judged(answer)
    if stopped is not None or against:
        return stopped or against[0]
    work.calls.append(call)
    return None


def _judged(answer: Response) -> tuple[Refusal | None, tuple[Complaint, ...]]:
    refusal = _refusal(answer)
    return (refusal, ()) if refusal is not None else (None, complaints(answer))
