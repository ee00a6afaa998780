"""Is the Retail API as we need it? The questions of `tillstream check`, and the answers that `preview` makes up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from consumers.apparel21.errors import judge, rule
from consumers.apparel21.people import api
from consumers.apparel21.settings import Apparel21Settings
from consumers.apparel21.templates import Form, forms
from consumers.apparel21.xml import Element, child, children, load, read
from consumers.engine.outcome import why
from consumers.engine.sink import Account, Finding
from consumers.engine.wire import Plan, Request, Response, ask

LOYALTY_TYPES = 366
"""The reference type whose codes are the loyalty types. Source: Apparel21 Retail API guide, "Persons", loyalties."""
NEEDS = ((2020, 1, "custom data"), (2022, 1, "reading changed persons"))
_RELEASE = re.compile(r"\b(20\d\d)\.(\d{1,2})\b")


def check(account: Account) -> Plan[Sequence[Finding]]:
    """User and country, release, and that each configured card, field, type and code is there."""
    settings: Apparel21Settings = account.settings
    answer = yield from ask(api(account).root())
    found = [_let_in(answer), *_release(answer)]
    if not answer.ok:
        return found
    types = yield from ask(api(account).reference_types())
    country = _country(settings.country_code, types)
    found.append(country)
    if not country.well:
        return found
    for card, labels in _cards(settings).items():
        known = yield from forms(account, card)
        found += _card(card, labels, known if isinstance(known, Mapping) else None)
    for kind, ids in _codes(settings).items():
        listed = yield from ask(api(account).references(kind))
        found += _references(kind, ids, listed)
    found += yield from _program(account)
    return [*found, *_voucher(settings)]


def _let_in(answer: Response) -> Finding:
    if answer.status == 404:
        return Finding("user name and password", False, "the Retail API is not at this address: look at url")
    return _said("user name and password", answer, "known")


def _said(what: str, answer: Response, well: str) -> Finding:
    if answer.ok:
        return Finding(what, True, well)
    return Finding(what, False, why(judge(answer)))


def _country(name: str, answer: Response) -> Finding:
    """A country that is not set up is refused as such. Where no reference type is valid for persons, there is just
    nothing to list, and whether the configured ones exist is asked type by type."""
    if rule(answer).meaning == "nobody":
        return Finding("country_code", True, f"{name} is set up; no reference types are valid for persons")
    return _said("country_code", answer, f"{name} is set up")


def _release(answer: Response) -> Iterator[Finding]:
    """The release stands somewhere on the HTML page of the root."""
    if not answer.ok:
        return
    match = _RELEASE.search(answer.body.decode("utf-8", "replace"))
    if match is None:
        yield Finding("release", True, "the root page does not name it")
        return
    release = (int(match[1]), int(match[2]))
    missing = [what for year, number, what in NEEDS if release < (year, number)]
    yield Finding("release", not missing, f"{match[0]} is too old for {', '.join(missing)}" if missing else match[0])


def _cards(settings: Apparel21Settings) -> dict[str, list[str]]:
    """Every card that is configured, with its labels."""
    named: dict[str, list[str]] = {}
    if "custom_data" in settings.tier:
        place = settings.custom_data
        named[place.card] = [label for label in (place.tier, place.expiry, place.points) if label]
    for one in settings.consent:
        if one.card:
            named.setdefault(one.card, []).append(one.field)
    return named


def _card(card: str, labels: Sequence[str], known: Mapping[str, Form] | None) -> Iterator[Finding]:
    what = f"custom data card {card!r}"
    if known is None:
        yield Finding(what, False, "there is no such card; names count to the letter, blanks at their end included")
        return
    missing = [label for label in labels if label not in known]
    told = f"has no field {', '.join(map(repr, missing))}" if missing else ", ".join(labels)
    yield Finding(what, not missing, told)


def _codes(settings: Apparel21Settings) -> dict[int, dict[int, str]]:
    """Every reference type that is configured: its ids, and what each is for."""
    named: dict[int, dict[int, str]] = {}
    if settings.reference and "reference" in settings.tier:
        named[settings.reference.type] = {one: f"tier {tier!r}" for tier, one in settings.reference.codes.items()}
    if settings.loyalty and "loyalty" in settings.tier:
        types = {one: f"tier {tier!r}" for tier, one in settings.loyalty.types.items()}
        named[LOYALTY_TYPES] = types | ({settings.loyalty.type: "the message"} if settings.loyalty.type else {})
    for place in settings.consent:
        if place.reference:
            ids = {int(place.yes): f"{place.channel} yes", int(place.no): f"{place.channel} no"}
            named.setdefault(place.reference, {}).update(ids)
    for kind, one in settings.references.items():
        named.setdefault(kind, {})[one] = "new persons"
    return {kind: ids for kind, ids in named.items() if ids}


def _references(kind: int, ids: Mapping[int, str], answer: Response) -> Iterator[Finding]:
    what = f"reference type {kind}"
    if not answer.ok:
        yield Finding(what, False, "there is no such reference type")
        return
    root = load(answer.body)
    there = {read(one, "Id"): read(one, "Name") for one in children(root, "References/Reference")}
    missing = [f"{one} ({purpose})" for one, purpose in ids.items() if str(one) not in there]
    named = ", ".join(f"{purpose}: {there[str(one)]}" for one, purpose in ids.items() if str(one) in there)
    yield Finding(what, not missing, f"has no code {', '.join(missing)}" if missing else named)


def _program(account: Account) -> Plan[Sequence[Finding]]:
    place = account.settings.rewards_account
    if place is None or "rewards_account" not in account.settings.tier:
        return ()
    answer = yield from ask(api(account).programs())
    if not answer.ok:
        return (_said("rewards programs", answer, ""),)
    there = _tiers(load(answer.body), place.program)
    missing = [f"{one} (tier {tier!r})" for tier, one in place.tiers.items() if str(one) not in there]
    told = f"has no tier {', '.join(missing)}" if missing else ", ".join(there.values())
    return (Finding("rewards program", not missing, told),)


def _tiers(root: Element | None, program: int) -> dict[str, str]:
    programs = (one for one in children(root, "Program") if not program or read(one, "Id") == str(program))
    return {read(tier, "Id"): read(tier, "Name") for one in programs for tier in children(child(one, "Tiers"), "Tier")}


def _voucher(settings: Apparel21Settings) -> Iterator[Finding]:
    if settings.voucher is not None:
        yield Finding("voucher", True, f"SKU {settings.voucher.sku}; type and gateway are seen at the first redemption")


def pretend(request: Request) -> Response:
    """An Apparel21 that knows nobody and takes everything; its cards have every field, and take any text."""
    if request.method == "POST":
        return Response(201, headers={"Location": "/Persons/1?countryCode=AU"})
    if request.method == "PUT":
        return Response(200)
    return Response(404, b"<AP21Error><ErrorCode>5008</ErrorCode></AP21Error>")
