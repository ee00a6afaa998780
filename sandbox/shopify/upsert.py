"""customerSet: create or replace in one call, with error codes, and with all that it silently deletes.

Source: the schema's description of customerSet and of CustomerSetUserErrorCode.
"""

from __future__ import annotations

from sandbox.shopify import check, customers, show
from sandbox.shopify.answers import Wrong, payload
from sandbox.shopify.customers import Given
from sandbox.shopify.world import Customer, World
from sandbox.web.answer import Json


def upsert(world: World, given: Given) -> Json:
    """customerSet: scalars that are left out stay, lists that are sent replace."""
    told, named = given["input"], given.get("identifier") or {}
    wrong = _mismatch(world, named, told)
    owner = None if wrong else _owner(world, named)
    if isinstance(owner, Wrong):
        return payload("customer", None, [owner])
    if wrong := wrong or check.person(world, told, owner):
        return payload("customer", None, wrong)
    customer = owner or world.add()
    customers.write(world, customer, told)
    world.touch(customer)
    world.emit("customers/update" if owner else "customers/create", show.webhook(customer))
    return payload("customer", show.customer(customer))


def _mismatch(world: World, named: Given, told: Given) -> list[Wrong]:
    """An identifier must be in the input, too, and the same there; an id alone need not."""
    for name in ("email", "phone"):
        if name not in named:
            continue
        if not told.get(name):
            return [Wrong(f"{name} is required in input", ("input", name), "MISSING_FIELD_REQUIRED")]
        if _same(world, name, named[name]) != _same(world, name, told[name]):
            return [Wrong(f"{name} must match the identifier", ("input", name), "INPUT_MISMATCH")]
    if "customId" in named:
        return [Wrong("The custom id must be in metafields", ("input",), "METAFIELD_MISMATCH")]
    if told.get("id") and "id" not in named:
        return [Wrong("id is not allowed", ("input", "id"), "ID_NOT_ALLOWED")]
    if told.get("id") and told["id"] != named["id"]:
        return [Wrong("id must match the identifier", ("input", "id"), "INPUT_MISMATCH")]
    return []


def _same(world: World, name: str, value: str) -> str | None:
    return check.email(value) if name == "email" else check.phone(value, world.settings.country)


def _owner(world: World, named: Given) -> Customer | Wrong | None:
    if "id" in named:
        return world.find(named["id"]) or Wrong("Customer not found", ("identifier", "id"), "NOT_FOUND")
    for name in ("email", "phone"):
        if name in named:
            value = _same(world, name, named[name])
            return next((one for one in world.customers.values() if getattr(one, name) == value), None)
    return None
