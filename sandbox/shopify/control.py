"""The other side of the sandbox, under `/sandbox`: be a shopper on the website, and read out what really happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

from sandbox.shopify import customers, show
from sandbox.shopify.app import Shopify
from sandbox.shopify.world import Customer, Settings
from sandbox.web import control as web
from sandbox.web.answer import Json
from sandbox.web.wire import App

Query = Mapping[str, str]


def control(shopify: Shopify) -> App:
    """The control application of one simulated store."""
    return web.control(shopify, _WORKS, changed)


def changed(settings: Settings, body: Json) -> Settings:
    """Settings with some values from JSON in place of the old ones."""
    values = dict(body)
    for name in ("scopes", "versions"):
        if name in values:
            values[name] = tuple(values[name])
    return replace(settings, **values)


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


def _visit(shopify: Shopify, _: Query, body: Json) -> Json:
    """Somebody registers, or changes their account (`who`): the members of CustomerInput, consents too."""
    world, told = shopify.world, dict(body)
    who = told.pop("who", None)
    customer = _one(shopify, str(who)) if who is not None else world.add()
    consents = {name: told.pop(name) for name in customers.CONSENTS if name in told}
    customers.write(world, customer, told)
    world.touch(customer)
    if told:
        world.emit(show.webhook(customer), ["customers/create" if who is None else "customers/update"])
    if consents:
        customers.agree(world, customer, consents)
    return _told(customer)


def _merge(shopify: Shopify, _: Query, body: Json) -> Json:
    """The merchant merges two customers: `keep` and `drop`."""
    kept, gone = _one(shopify, body["keep"]), _one(shopify, body["drop"])
    del shopify.world.customers[gone.id]
    shopify.world.index.pop(gone.id, None)
    shopify.world.touch(kept)
    told: Json = {
        "admin_graphql_api_customer_kept_id": kept.gid,
        "admin_graphql_api_customer_deleted_id": gone.gid,
        "admin_graphql_api_job_id": None,
        "status": "completed",
        "errors": [],
    }
    shopify.world.emit(told, ["customers/merge"])
    return told


def _delete(shopify: Shopify, _: Query, body: Json) -> Json:
    gone = _one(shopify, body["who"])
    del shopify.world.customers[gone.id]
    shopify.world.index.pop(gone.id, None)
    shopify.world.emit({"id": gone.id, "admin_graphql_api_id": gone.gid}, ["customers/delete"])
    return {}


def _subscriptions(shopify: Shopify, _: Query, __: Json) -> Json:
    return {"subscriptions": [asdict(one) for one in shopify.world.subscriptions.values()]}


def _counts(shopify: Shopify, _: Query, __: Json) -> Json:
    world = shopify.world
    sizes = {"customers": len(world.customers), "subscriptions": len(world.subscriptions), "tokens": len(world.tokens)}
    return {**web.counts(shopify), **sizes, "throttled": world.throttled}


_WORKS: Mapping[tuple[str, str], web.Work[Shopify]] = {
    ("GET", "customers"): _customers,
    ("POST", "customers"): _visit,
    ("POST", "merge"): _merge,
    ("POST", "delete"): _delete,
    ("GET", "subscriptions"): _subscriptions,
    ("GET", "counts"): _counts,
}
