"""Bring what is new of a person to Klaviyo: properties of the profile first, then the events that speak of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from consumers import policies
from consumers.engine.outcome import Delivered, Outcome, Rejected, Unchanged
from consumers.engine.sink import Account, Item, body_hash
from consumers.engine.wire import Json, Plan, ask_all
from consumers.klaviyo import consent, imports, requests
from consumers.klaviyo.cases import Case, recall
from consumers.klaviyo.errors import judge
from consumers.klaviyo.events import FEW, Parcel, send
from tillstream.mapping.rows import absent
from tillstream.mapping.table import Table

HAD = "known.had."


@dataclass(slots=True, eq=False)
class News(Parcel):
    """One record on its way: the `properties` to write (None: none), its events, and what to remember then."""

    properties: Json = None
    remember: dict[str, Json] = field(default_factory=dict)


def bring(account: Account, news: Sequence[News]) -> Plan[list[Outcome]]:
    """Write and send everything; an outcome for each. Events go only where the profile was taken."""
    open_ = [one for one in news if one.outcome is None]
    many = len(news) > FEW
    yield from _write(account, [one for one in open_ if one.properties is not None])
    yield from send([one for one in open_ if one.outcome is None], many=many)
    return [_conclude(account, one) for one in news]


def _write(account: Account, news: Sequence[News]) -> Plan[None]:
    """Klaviyo clears a field by its single-profile call alone (its guide "Bulk Import Profiles"); the others may go in
    a job."""
    clearing = [one for one in news if _clears(one.properties)]
    yield from _singly(clearing)
    cases = [_case(account, one) for one in news if one not in clearing]
    yield from imports.write(cases)
    for one, case in zip((one for one in news if one not in clearing), cases, strict=True):
        one.outcome = case.outcome
        one.status, one.call = case.status, case.calls[-1] if case.calls else ""


def _case(account: Account, one: News) -> Case:
    """A sheet for the import: the body goes as it is, and nothing of the sheet is remembered."""
    return Case(account, one.email, {}, {}, {}, job=one.item.job, sum=one.properties)


def _singly(news: Sequence[News]) -> Plan[None]:
    responses = yield from ask_all([requests.import_profile(one.properties) for one in news])
    for one, response in zip(news, responses, strict=True):
        if response.ok:
            one.status, one.call = response.status, "POST /api/profile-import"
        else:
            one.outcome = judge(response)


def _clears(body: Json) -> bool:
    return any(_clears(inner) for inner in body.values()) if isinstance(body, dict) else body is None


def _conclude(account: Account, one: News) -> Outcome:
    """Nothing is remembered of a record that was refused: the next snapshot is compared with what was there before, and
    an event that went out already is known to Klaviyo by its id."""
    if isinstance(one.outcome, Rejected) and one.sent:
        told = f"{one.outcome.message}; sent were {', '.join(sorted(one.sent))}"
        return replace(one.outcome, message=told)
    if one.outcome is not None:
        return one.outcome
    if not one.call:
        return Unchanged(one.remember)
    return Delivered({**one.remember, **_made(account, one)}, status=one.status, call=one.call)


def _made(account: Account, one: News) -> dict[str, Json]:
    """What we write makes the profile: it is still new when the customer's row comes."""
    memory = recall(one.item)
    if memory.get("met") or memory.get("made") or one.email != policies.address(one.item.key):
        return {}
    return {"profile": {**memory, "made": consent.stamp(account.now())}}


def address_now(item: Item) -> tuple[str, bool]:
    """Where the person of a record is known now, and whether that is another address than the key's.

    A loyalty platform that has not heard of a new address names no person: then everybody must have left the old one.
    """
    memory, person = recall(item), item.record["person_id"]
    moved = memory.get("moved", {})
    last = "" if memory.get("seen") else next(reversed(moved.values()), "")
    gone_to = moved.get(person) if person else last
    return (str(gone_to), True) if gone_to else (policies.address(item.key), False)


def properties(
    table: Table, values: Mapping[str, Any], memory: Mapping[str, Json], *, forced: bool, unsaid: Sequence[str] = ()
) -> tuple[Json, dict[str, Json]]:
    """The body of a profile request, None where Klaviyo has it already; and what to remember of it.

    A field that was something when last sent and is nothing now is cleared (`known.had.FIELD` in the table), but not
    one of `unsaid`, which this record does not speak of.
    """
    named = [source.removeprefix(HAD) for source in table.sources if source.startswith(HAD)]
    before = set(memory.get("had", ()))
    set_ = table.apply(values)
    has = {name for name in named if name not in unsaid and not _absent(values, name)}
    kept = sorted(has | (before & set(unsaid)))
    known: dict[str, Json] = {"body": body_hash(set_), "had": kept}
    if known["body"] == memory.get("body") and not forced:
        return None, known
    gone = {name: True for name in before - has if name not in unsaid}
    if not gone and len(set_.get("data", {}).get("attributes", ())) <= len(("email",)):
        return None, known
    return table.apply({**values, "known": {**values["known"], "had": gone}}), known


def _absent(values: Mapping[str, Any], name: str) -> bool:
    return absent(values["known"].get(name) if name in values["known"] else values.get(name))
