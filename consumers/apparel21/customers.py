"""Bring the online shop's customers and their consent to Apparel21: matched by address, created where missing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from consumers import policies
from consumers.apparel21 import consent
from consumers.apparel21.consent import News
from consumers.apparel21.errors import CREATED, judge, rule
from consumers.apparel21.people import Written, api, country, everybody, find, read, unseen, write
from consumers.apparel21.person import Code, Wish, fulfil, identity
from consumers.apparel21.xml import Element, grow
from consumers.engine.outcome import Delivered, Outcome, Refusal, Rejected, RetryLater, Skipped, Superseded, Unchanged
from consumers.engine.sink import Account, Item, Work, newest, saw
from consumers.engine.wire import Json, Plan, Response, ask
from consumers.marketing import CHANNELS, Channel
from tillstream.mapping.rows import absent

MEMORY, WAITING = "profile", "unseen/customers"
ORIGINS = {"shopify"}
SOON = timedelta(seconds=5)
_LOCATED = re.compile(r"persons/(\d+)", re.IGNORECASE)


def customers(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """One customer of the shop. Who is in Apparel21 already keeps what the tills say of them, but for consent."""
    return [(yield from _customer(account, works[0]))]


def _customer(account: Account, work: Work) -> Plan[Outcome]:
    rows = sorted((item for item in work.items if not policies.origin(item.record, ORIGINS)), key=lambda one: one.order)
    if not rows:
        return Skipped("origin")
    if not policies.address(work.last.key):
        return Skipped("no_email")
    memory = work.last.known(MEMORY) or {}
    heard, said = consent.hear(memory.get("heard", {}), rows)
    news = consent.heeded(account.settings.consent, heard, said)
    late = rows[-1].order < newest(memory)
    noted = {**memory, "heard": heard, **_linked(rows)}
    if not late:
        noted = saw(noted, rows[-1], account.version)
    if (memory.get("person") or noted.get("linked")) and not news:
        return Superseded({MEMORY: noted}) if late else Unchanged({MEMORY: noted})
    return (yield from _deliver(account, rows, memory, noted, news))


def _linked(rows: Sequence[Item]) -> dict[str, Json]:
    """The person whom a till signed up, and whom we ourselves brought to the shop: nobody to look for or to make."""
    named = next((str(row.record["person_id"]) for row in reversed(rows) if row.record["person_id"]), "")
    return {"linked": named} if named else {}


def _deliver(
    account: Account, rows: Sequence[Item], memory: Mapping[str, Json], noted: dict[str, Json], news: News
) -> Plan[Outcome]:
    cards = consent.with_cards(account.settings.consent)
    known = str(memory.get("person") or noted.get("linked") or "")
    person = yield from find(account, rows[-1], known, cards=cards)
    if person is None and noted.get("linked"):  # whose address may be another one at the tills
        return (yield from _refuse(account, [noted["linked"]], noted, news)) or unseen(account, rows[-1], WAITING)
    if person is None:
        return (yield from _create(account, rows, noted, news))
    if isinstance(person, Rejected) and person.reason == "ambiguous":
        several = yield from everybody(account, policies.address(rows[-1].key))
        return (yield from _refuse(account, several, noted, news)) or person
    if not isinstance(person, Element):
        return person
    may = consent.allowed(account, person, news, memory)
    wishes = yield from consent.wishes(account, may)
    if not isinstance(wishes, list):
        return wishes
    done = yield from write(
        account, person, wishes, still=lambda now: consent.allowed(account, now, news, memory) == may
    )
    if not isinstance(done, Written):
        return done
    kept = sorted(set(news) - set(may))
    note = f"{' and '.join(kept)} opt-in not written: Apparel21 holds a refusal" if kept else ""
    call = "PUT /Persons" if done.calls else "GET /Persons"
    wrote = {
        channel: said.yes
        for channel, said in may.items()
        if said.yes or not consent.refusal(account.settings.consent, channel, person)
    }
    return _delivered(account, noted, identity(person), wrote, Delivered(status=done.status, call=call, note=note))


def _delivered(
    account: Account, noted: dict[str, Json], person: str, told: Mapping[Channel, bool], done: Delivered
) -> Delivered:
    """With what is remembered: who it is, and what we wrote of each channel, and when. A no that stood is not ours."""
    wrote, now = {**noted.get("wrote", {}), **told}, account.now().isoformat()
    memory = {**noted, "person": person, "wrote": wrote, "when": {**noted.get("when", {}), **dict.fromkeys(told, now)}}
    return replace(done, remember={MEMORY: memory, WAITING: None})


def _refuse(account: Account, numbers: list[str] | Refusal, noted: dict[str, Json], news: News) -> Plan[Outcome | None]:
    """A no where it is not clear whose it is: for each of these persons. None where no no was said, or nobody is seen;
    a yes is then for nobody."""
    refused = {channel: said for channel, said in news.items() if not said.yes}
    if not refused or not isinstance(numbers, list):
        return None if isinstance(numbers, list) else numbers
    wishes = yield from consent.wishes(account, refused)
    if not isinstance(wishes, list):
        return wishes
    calls, seen = 0, 0
    for number in numbers:
        person = yield from read(account, number, cards=consent.with_cards(account.settings.consent))
        done = (yield from write(account, person, wishes)) if isinstance(person, Element) else person
        if not isinstance(done, Written | None):
            return done
        calls, seen = calls + (done.calls if done else 0), seen + (done is not None)
    kept = "; an opt-in for none of them" if refused != news else ""
    note, call = f"an opt-out for {seen} persons{kept}", "PUT /Persons" if calls else "GET /Persons"
    return Delivered({MEMORY: noted, WAITING: None}, status=200, call=call, note=note) if seen else None


# -- somebody new ---------------------------------------------------------------------------------------------------


def _create(account: Account, rows: Sequence[Item], noted: dict[str, Json], news: News) -> Plan[Outcome]:
    wishes = yield from consent.wishes(account, news)
    if not isinstance(wishes, list):
        return wishes
    silence = yield from consent.unsaid(account, news, wishes)
    if not isinstance(silence, list):
        return silence
    body = new_person(account, folded(rows), [*wishes, *silence])
    answer = yield from ask(api(account).create_person(body))
    if answer.unclear:
        return RetryLater(SOON, f"no clear answer ({answer.status}); the person is searched for before the next try")
    if answer.status != CREATED:
        return _not_created(account, rows[-1], answer)
    done = Delivered(status=answer.status, call="POST /Persons")
    told = {channel: channel in news and news[channel].yes for channel in CHANNELS}
    return _delivered(account, noted, located(answer), told, done)


def _not_created(account: Account, item: Item, answer: Response) -> Outcome:
    """The address may be taken by somebody whom we cannot see: then the WEB mark is what is missing."""
    if rule(answer).meaning == "taken":
        return unseen(account, item, WAITING)
    return judge(answer)


def located(answer: Response) -> str:
    """The id in the answer's `Location`, "" where there is none.

    >>> located(Response(201, headers={"Location": "https://ap21.example/RetailAPI/persons/80117/?countryCode=AU"}))
    '80117'
    """
    headers = {name.lower(): value for name, value in answer.headers.items()}
    found = _LOCATED.search(headers.get("location", ""))
    return found[1] if found else ""


def folded(rows: Sequence[Item]) -> dict[str, Any]:
    """Several records as one, oldest first: the later value wins where there is one."""
    made: dict[str, Any] = {}
    for item in rows:
        made |= {name: value for name, value in item.record.items() if name not in made or not absent(value)}
    return made


def new_person(account: Account, record: Mapping[str, Any], wishes: Sequence[Wish]) -> Element:
    """The body that creates a person: the table's rows, the codes that the merchant's Apparel21 insists on, consent."""
    known = {"country": country(account)}
    body = grow("Person", account.tables["apparel21.person"].apply({**record, "known": known}))
    compulsory = [Code(kind, code) for kind, code in account.settings.references.items()]
    for wish in (*compulsory, *wishes):
        fulfil(body, wish)
    return body
