"""Customers made, changed, tagged, asked for their consent and given metafields through mutations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.shopify import check, show
from sandbox.shopify.answers import Wrong, payload
from sandbox.shopify.world import Consent, Customer, Metafield, World
from sandbox.web.answer import Json
from sandbox.web.world import moment

TEXTS = ("firstName", "lastName", "locale", "note")
CONSENTS = {"emailMarketingConsent": "email", "smsMarketingConsent": "phone"}
MISSING = Wrong("Customer does not exist", ("id",))
MOST_METAFIELDS = 25

Given = Mapping[str, Any]


def create(world: World, given: Given) -> Json:
    """customerCreate: with consent, metafields and tags in one call."""
    told = given["input"]
    if told.get("id"):
        return payload("customer", None, [Wrong("Cannot specify ID on creation", ("id",))])
    wrong = [*check.person(world, told, None), *_metafields_wrong(told)]
    for name, reach in CONSENTS.items():
        if told.get(name):
            wrong += check.consent(name, told[name], reachable=bool(told.get(reach)))
    if wrong:
        return payload("customer", None, wrong)
    customer = world.add()
    write(world, customer, told)
    for name in CONSENTS:
        if told.get(name):
            _agree(world, customer, name, told[name])
    world.touch(customer)
    world.emit("customers/create", show.webhook(customer))
    _tell_consents(world, customer, told)
    return payload("customer", show.customer(customer))


def update(world: World, given: Given) -> Json:
    """customerUpdate: what is sent replaces what was there, tags all at once; consent is not its business."""
    told = given["input"]
    customer = world.find(told.get("id") or "")
    if customer is None:
        return payload("customer", None, [MISSING])
    wrong = [*check.person(world, told, customer), *_metafields_wrong(told)]
    for name in CONSENTS:
        if told.get(name):
            message = f"To update {name}, please use the {_mutation(name)} Mutation instead"
            wrong.append(Wrong(message, (name,)))
    if wrong:
        return payload("customer", None, wrong)
    write(world, customer, told)
    changed(world, customer)
    return payload("customer", show.customer(customer))


def write(world: World, customer: Customer, told: Given) -> None:
    """Put what was sent into a customer: null empties, lists replace."""
    if "email" in told:
        customer.email = check.email(told["email"])
    if "phone" in told:
        customer.phone = check.phone(told["phone"], world.settings.country)
    customer.details |= {name: told[name] for name in TEXTS if name in told}
    if "tags" in told:
        customer.tags = _tags(told["tags"] or ())
    if "addresses" in told:
        customer.addresses = [dict(place) for place in told["addresses"] or ()]
    for field in told.get("metafields") or ():
        keep(world, customer, field)


def changed(world: World, customer: Customer) -> None:
    """The customer is other than before, and `customers/update` says so."""
    world.touch(customer)
    world.emit("customers/update", show.webhook(customer))


def add_tags(world: World, given: Given) -> Json:
    """tagsAdd: those that are not there yet, in whatever letters."""
    customer = world.find(given["id"])
    if customer is None:
        return payload("node", None, [MISSING])
    there = {tag.lower() for tag in customer.tags}
    fresh = [tag for tag in _tags(given["tags"]) if tag.lower() not in there]
    customer.tags += fresh
    if fresh:
        world.touch(customer)
        world.emit("customer.tags_added", {"customerId": customer.gid, "tags": fresh})
    return payload("node", show.customer(customer))


def remove_tags(world: World, given: Given) -> Json:
    """tagsRemove."""
    customer = world.find(given["id"])
    if customer is None:
        return payload("node", None, [MISSING])
    gone = {tag.lower() for tag in _tags(given["tags"])}
    taken = [tag for tag in customer.tags if tag.lower() in gone]
    customer.tags = [tag for tag in customer.tags if tag.lower() not in gone]
    if taken:
        world.touch(customer)
        world.emit("customer.tags_removed", {"customerId": customer.gid, "tags": taken})
    return payload("node", show.customer(customer))


def consent(name: str, world: World, given: Given) -> Json:
    """The two consent mutations; what came last stands, however old it says it is."""
    told = given["input"]
    customer = world.find(told["customerId"])
    if customer is None:
        missing = Wrong("Customer not found", ("input", "customerId"), "INVALID")
        return payload("customer", None, [missing])
    wrong = check.consent(name, told[name], reachable=bool(getattr(customer, CONSENTS[name])))
    if wrong:
        return payload("customer", None, [Wrong(one.message, ("input", *(one.field or ())), one.code) for one in wrong])
    agree(world, customer, {name: told[name]})
    return payload("customer", show.customer(customer))


def agree(world: World, customer: Customer, told: Given) -> None:
    """The customer agrees or refuses, through the API or by themselves on the website."""
    for name in CONSENTS:
        if name in told:
            _agree(world, customer, name, told[name])
    world.touch(customer)
    _tell_consents(world, customer, told)


def _agree(world: World, customer: Customer, name: str, said: Json) -> None:
    at = moment(said.get("consentUpdatedAt")) or world.now()
    consent = Consent(said["marketingState"], said.get("marketingOptInLevel") or "UNKNOWN", at)
    if name == "emailMarketingConsent":
        customer.email_consent = consent
    else:
        customer.sms_consent = consent


def _tell_consents(world: World, customer: Customer, told: Given) -> None:
    if told.get("emailMarketingConsent"):
        world.emit("customers_email_marketing_consent/update", show.email_consent(customer))
    if told.get("smsMarketingConsent"):
        world.emit("customers_marketing_consent/update", show.sms_consent(customer))


def metafields_set(world: World, given: Given) -> Json:
    """metafieldsSet: all of at most 25, or none."""
    told = given["metafields"]
    if len(told) > MOST_METAFIELDS:
        wrong = Wrong(f"Exceeded the maximum metafields input limit of {MOST_METAFIELDS}.", ("metafields",), "TOO_LONG")
        return payload("metafields", None, [wrong])
    wrongs: list[Wrong] = []
    for number, field in enumerate(told):
        path = ("metafields", str(number))
        owner = world.find(field["ownerId"])
        if owner is None:
            wrongs.append(Wrong("Owner does not exist", (*path, "ownerId"), "INVALID"))
            continue
        wrongs += check.metafield(field, path)
        there = owner.metafields.get((field.get("namespace") or "", field["key"]))
        if "compareDigest" in field and field["compareDigest"] != (there.digest if there else None):
            wrongs.append(Wrong("The resource has been updated since it was loaded", path, "STALE_OBJECT"))
    if wrongs:
        return payload("metafields", None, wrongs)
    kept = [keep(world, owner, field) for field in told if (owner := world.find(field["ownerId"]))]
    return payload("metafields", [show.metafield(one) for one in kept])


def erase(world: World, given: Given) -> Json:
    """customerRequestDataErasure: an order for later; one that stands already cannot be given again."""
    customer = world.find(given["customerId"])
    if customer is None:
        return payload("customerId", None, [Wrong("Customer does not exist", ("customerId",), "DOES_NOT_EXIST")])
    if customer.erasing:
        failed = Wrong("Failed to request customer data erasure", ("customerId",), "FAILED_TO_REQUEST")
        return payload("customerId", None, [failed])
    customer.erasing = True
    return payload("customerId", customer.gid)


def keep(world: World, customer: Customer, told: Json) -> Metafield:
    """Write one metafield of a customer."""
    name = (told.get("namespace") or "", told["key"])
    there = customer.metafields.get(name)
    number = there.id if there else world.serial()
    customer.metafields[name] = Metafield(number, *name, told["type"], told["value"], world.now())
    return customer.metafields[name]


def _metafields_wrong(told: Given) -> list[Wrong]:
    fields = enumerate(told.get("metafields") or ())
    return [wrong for number, field in fields for wrong in check.metafield(field, ("metafields", str(number)))]


def _tags(told: Iterable[str]) -> list[str]:
    """Tags once each, whatever their letters; one text may hold several between commas."""
    parts = (part.strip() for text in told for part in text.split(","))
    return list({part.lower(): part for part in parts if part}.values())


def _mutation(name: str) -> str:
    return f"customer{name[0].upper()}{name[1:]}Update"
