"""Who answers which root field, and the access scope it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from graphql import GraphQLResolveInfo

from sandbox.shopify import bulk, customers, search, show, subscriptions, upsert
from sandbox.shopify.customers import Given
from sandbox.shopify.operation import Call
from sandbox.shopify.world import World
from sandbox.web.answer import Json

Resolver = Callable[..., Json | None]


def _of_world(handler: Callable[[World, Given], Json | None]) -> Resolver:
    """A handler that needs the store and its arguments, as the executor calls it."""

    def resolve(info: GraphQLResolveInfo[Call], **given: Any) -> Json | None:
        call: Call = info.context
        return handler(call.world, given)

    return resolve


def _of_call(handler: Callable[[Call, Given], Json | None]) -> Resolver:
    def resolve(info: GraphQLResolveInfo[Call], **given: Any) -> Json | None:
        return handler(info.context, given)

    return resolve


def _run_bulk(info: GraphQLResolveInfo[Call], **given: Any) -> Json:
    return bulk.run(info.context, given, info.root_value)


def _shop(world: World, _: Given) -> Json:
    settings = world.settings
    domain = f"{settings.shop}.myshopify.com"
    return {"id": "gid://shopify/Shop/1", "name": settings.shop, "myshopifyDomain": domain, "currencyCode": "AUD"}


def _installation(world: World, _: Given) -> Json:
    scopes = [{"handle": scope} for scope in world.settings.scopes]
    return {"id": "gid://shopify/AppInstallation/1", "accessScopes": scopes}


def _customer(world: World, given: Given) -> Json | None:
    found = world.find(given["id"])
    return show.customer(found) if found else None


_EMAIL = partial(customers.consent, "emailMarketingConsent")
_SMS = partial(customers.consent, "smsMarketingConsent")

FIELDS: Mapping[str, Resolver] = {
    "shop": _of_world(_shop),
    "currentAppInstallation": _of_world(_installation),
    "customer": _of_world(_customer),
    "customerByIdentifier": _of_world(search.by_identifier),
    "customers": _of_world(search.listed),
    "webhookSubscriptions": _of_world(subscriptions.listed),
    "bulkOperation": _of_call(bulk.look),
    "customerCreate": _of_world(customers.create),
    "customerUpdate": _of_world(customers.update),
    "customerSet": _of_world(upsert.upsert),
    "customerEmailMarketingConsentUpdate": _of_world(_EMAIL),
    "customerSmsMarketingConsentUpdate": _of_world(_SMS),
    "tagsAdd": _of_world(customers.add_tags),
    "tagsRemove": _of_world(customers.remove_tags),
    "metafieldsSet": _of_world(customers.metafields_set),
    "customerRequestDataErasure": _of_world(customers.erase),
    "webhookSubscriptionCreate": _of_world(subscriptions.create),
    "webhookSubscriptionDelete": _of_world(subscriptions.delete),
    "stagedUploadsCreate": _of_call(bulk.stage),
    "bulkOperationRunMutation": _run_bulk,
}

_READ = ("customer", "customerByIdentifier", "customers")
_WRITE = (
    "customerCreate", "customerUpdate", "customerSet", "customerEmailMarketingConsentUpdate",
    "customerSmsMarketingConsentUpdate", "tagsAdd", "tagsRemove", "metafieldsSet",
)  # fmt: skip
SCOPES = dict.fromkeys(_READ, "read_customers") | dict.fromkeys(_WRITE, "write_customers")
SCOPES["customerRequestDataErasure"] = "write_customer_data_erasure"
