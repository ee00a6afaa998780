"""Find a person, and change one: read, compare, write, and begin again where somebody else was quicker."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from consumers import policies
from consumers.apparel21.errors import answered, judge, rule, yes
from consumers.apparel21.person import Field, Wish, changed, email, holds, identity
from consumers.apparel21.requests import Api
from consumers.apparel21.xml import Element, children
from consumers.engine.outcome import Deferred, Refusal, Rejected, RetryLater
from consumers.engine.sink import Account, Item
from consumers.engine.wire import Json, Plan, Response, ask, nap
from consumers.refusals import LATER, something_else
from tillstream.mapping.countries import NAMES

TRIES = 3
"""How often a change is begun again from a fresh read before it is put off."""
HINT = "Apparel21 shows nobody with this address: is the customer marked WEB, so that the web store can see them?"
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=2)


class Written(NamedTuple):
    """A change is in Apparel21; `calls`: how many requests it took beside reading (0: it was there already)."""

    calls: int
    status: int = 200


def api(account: Account) -> Api:
    """The calls of this account."""
    return Api(account.settings.country_code)


def zone_of(account: Account) -> ZoneInfo:
    """The zone of Apparel21's server."""
    zone: ZoneInfo = account.settings.timezone or account.connection.timezone
    return zone


def find(account: Account, item: Item, known: str = "", *, cards: bool = False) -> Plan[Element | Refusal | None]:
    """The person a record is about, fresh from Apparel21; None where Apparel21 shows nobody.

    By the id in the record or the one we remember (`known`), if the address is still theirs (or none is named); else by
    address.
    """
    addresses = tuple(dict.fromkeys(filter(None, (policies.address(item.key), str(item.record.get("email") or "")))))
    named = str(item.record.get("person_id") or "")
    for number in dict.fromkeys(one for one in (named, known) if one.isascii() and one.isdigit()):
        found = yield from read(account, number, cards=cards)
        if not isinstance(found, Element | None):
            return found
        if found is not None and (not addresses or email(found) in ("", *addresses)):
            return found
    for address in addresses:
        told = yield from search(account, address)
        if not isinstance(told, str):
            return told
        if told:
            return (yield from read(account, told, cards=cards))
    return None


def read(account: Account, number: str, *, cards: bool) -> Plan[Element | Refusal | None]:
    """One person by id; None where the web store sees nobody."""
    answer = yield from ask(api(account).person(number, cards=cards))
    if not answer.ok:
        return None if rule(answer).meaning == "nobody" else judge(answer)
    root = answered(answer)
    if root is None or not identity(root):
        return something_else("Apparel21", "a person")
    return root


def search(account: Account, address: str) -> Plan[str | Refusal]:
    """The id of the one person with an address, "" for nobody."""
    found = yield from everybody(account, address)
    if not isinstance(found, list):
        return found
    if len(found) > 1:
        return Rejected("ambiguous", f"Apparel21 has {len(found)} persons with this address")
    return found[0] if found else ""


def everybody(account: Account, address: str) -> Plan[list[str] | Refusal]:
    """The ids of all persons with an address; whoever only resembles it does not count."""
    listed = persons((yield from ask(api(account).search(address))))
    return [identity(one) for one in listed if email(one) == address] if isinstance(listed, list) else listed


def persons(answer: Response) -> list[Element] | Refusal:
    """The persons of an answer, each once; none where nobody is found."""
    if not answer.ok:
        return [] if rule(answer).meaning == "nobody" else judge(answer)
    root = answered(answer)
    if root is None or root.tag.lower() not in ("persons", "person"):
        return something_else("Apparel21", "persons")
    listed = children(root, "Person") if root.tag.lower() == "persons" else (root,)
    return list({identity(one): one for one in listed if identity(one)}.values())


def total(answer: Response) -> int:
    """How many rows the whole list has of which an answer is a page, 0 where that is not said."""
    root = answered(answer)
    said = "" if root is None else root.get("TotalRows", "")
    return int(said) if said.isdigit() else 0


def write(
    account: Account, person: Element, wishes: Sequence[Wish], *, still: Callable[[Element], bool] = lambda _: True
) -> Plan[Written | Refusal]:
    """Fulfil what is not so yet. A till that changes the person meanwhile is never overwritten: its change is read
    again (at most three times) and kept; where the wishes do not `still` hold for that, the plan is begun anew."""
    cards = any(isinstance(wish, Field) for wish in wishes)
    for calls in range(TRIES + 1):
        due = [wish for wish in wishes if not holds(person, wish)]
        if not due:
            return Written(calls)
        body = changed(person, due, country(account))
        answer = yield from ask(api(account).replace_person(identity(person), body))
        if yes(answer):
            return Written(calls + 1, answer.status)
        if not answer.unclear and rule(answer).meaning != "stale":
            account.settings._forms.clear()  # a template may have been changed meanwhile
            return judge(answer)
        yield from step_aside()
        again = yield from read(account, identity(person), cards=cards)
        if not isinstance(again, Element):
            return again or Rejected("unknown_person", HINT)
        person = again
        if not still(person):
            break
    return RetryLater(LATER, "the person is changed faster than we can read")


def country(account: Account) -> str:
    """The name of the connection's country, as an address has it."""
    return NAMES.get(account.connection.country, account.connection.country)


def step_aside() -> Plan[None]:
    """Two writers shall not meet again."""
    yield from nap(random.uniform(0.1, 0.8))  # noqa: S311  # no secret


def waited(item: Item, part: str) -> Json:
    """What is remembered of a record's waiting under `part`; None for a record that waits for the first time."""
    found = item.known(part)
    return found if found and found.get("of") == mark(item) else None


def wait(account: Account, item: Item, part: str, why: str, told: str = "") -> Deferred | None:
    """Put a record on the shelf, longer each time; None when its patience (`person_wait`) is over. `told` says why in a
    sentence."""
    now, before = account.now(), waited(item, part)
    since = datetime.fromisoformat(before["since"]) if before else now
    if now - since >= account.settings.person_wait:
        return None
    tries = before["tries"] if before else 0
    rest = min(FIRST_WAIT * 2 ** min(tries, 7), LONGEST_WAIT)  # 2^7 minutes are longer than the longest
    until = max(now + FIRST_WAIT, min(now + rest, since + account.settings.person_wait))
    noted = {"of": mark(item), "since": since.isoformat(), "tries": tries + 1}
    return Deferred(why, until, remember={part: noted}, told=told)


def mark(item: Item) -> str:
    """Which record it is, among those of its key."""
    return f"{item.object}|{item.order}|{item.content}"


def unseen(account: Account, item: Item, part: str) -> Deferred | Rejected:
    """Apparel21 shows nobody: the person may come, or be marked WEB; in the end it is told."""
    return wait(account, item, part, "unknown_person") or Rejected("unknown_person", HINT, remember={part: None})
