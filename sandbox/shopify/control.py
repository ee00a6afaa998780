"""The other side of the sandbox, under `/sandbox`: be a shopper on the website, and read out what really happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from sandbox.shopify import customers, show
from sandbox.shopify.door import Shopify
from sandbox.shopify.world import Customer
from sandbox.web.answer import Json
from sandbox.web.control import Work

Query = Mapping[str, str]


def _customers(shopify: Shopify, query: Query, _: Json) -> Json:
    """Every customer, or those with this id, e-mail or number (`who`)."""
    who = query.get("who")
    found = [one for one in shopify.world.customers.values() if who is None or who in _names(one)]
    return {"customers": [_told(one) for one in found]}


def _told(one: Customer) -> Json:
    shown = {name: value for name, value in asdict(one).items() if name != "metafields"}
    fields = {f"{field.namespace}.{field.key}": field.value for field in one.metafields.values()}
    return {**shown, **one.details, "gid": one.gid, "metafields": fields}


def _names(one: Customer) -> tuple[str | None, ...]:
    return str(one.id), one.gid, one.email, one.phone


def _one(shopify: Shopify, who: str) -> Customer:
    (found,) = [one for one in shopify.world.customers.values() if who in _names(one)]
    return found


def _gone(shopify: Shopify, who: str) -> Customer:
    gone = _one(shopify, who)
    del shopify.world.customers[gone.id]
    shopify.world.index.pop(gone.id, None)
    return gone


def _visit(shopify: Shopify, _: Query, body: Json) -> Json:
    """Somebody registers, or changes their account (`who`): the members of CustomerInput, consents too."""
    world, told = shopify.world, dict(body)
    who = told.pop("who", None)
    customer = _one(shopify, str(who)) if who is not None else world.add()
    consents = {name: told.pop(name) for name in customers.CONSENTS if name in told}
    customers.write(world, customer, told)
    world.touch(customer)
    if told:
        world.emit("customers/create" if who is None else "customers/update", show.webhook(customer))
    if consents:
        customers.agree(world, customer, consents)
    return _told(customer)


def _merge(shopify: Shopify, _: Query, body: Json) -> Json:
    """The merchant merges two customers: `keep` and `drop`."""
    kept, gone = _one(shopify, body["keep"]), _gone(shopify, body["drop"])
    shopify.world.touch(kept)
    told: Json = {
        "admin_graphql_api_customer_kept_id": kept.gid,
        "admin_graphql_api_customer_deleted_id": gone.gid,
        "admin_graphql_api_job_id": None,
        "status": "completed",
        "errors": [],
    }
    shopify.world.emit("customers/merge", told)
    return told


def _delete(shopify: Shopify, _: Query, body: Json) -> Json:
    gone = _gone(shopify, body["who"])
    shopify.world.emit("customers/delete", {"id": gone.id, "admin_graphql_api_id": gone.gid})
    return {}


def _subscriptions(shopify: Shopify, _: Query, __: Json) -> Json:
    return {"subscriptions": [asdict(one) for one in shopify.world.subscriptions.values()]}


WORKS: Mapping[tuple[str, str], Work[Shopify]] = {
    ("GET", "customers"): _customers,
    ("POST", "customers"): _visit,
    ("POST", "merge"): _merge,
    ("POST", "delete"): _delete,
    ("GET", "subscriptions"): _subscriptions,
}
