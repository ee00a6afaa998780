"""Webhook subscriptions through the API."""

from __future__ import annotations

from sandbox.shopify import show
from sandbox.shopify.answers import Wrong, payload
from sandbox.shopify.customers import Given
from sandbox.shopify.schema import TOPICS
from sandbox.shopify.world import Subscription, World
from sandbox.web.answer import Json

SCOPES = {"customers/merge": "read_customer_merge"}
"""What a topic takes beside `read_customers`, which all topics about customers take."""
SCHEMES = ("https://", "http://127.0.0.1:", "http://localhost:")
"""Only https in earnest; here also this machine, where the sandbox's webhooks go."""


def create(world: World, given: Given) -> Json:
    """webhookSubscriptionCreate: one address once for a topic."""
    told, enum = given["webhookSubscription"], given["topic"]
    scope = SCOPES.get(TOPICS[enum], "read_customers" if TOPICS[enum].startswith("customer") else "")
    if scope and scope not in world.settings.scopes:
        text = "You cannot create a webhook subscription with the specified topic"
        return payload("webhookSubscription", None, [Wrong(text, ("topic",))])
    uri = told.get("uri") or told.get("callbackUrl") or ""
    field = ("webhookSubscription", "callbackUrl")
    if not uri.startswith(SCHEMES):
        return payload("webhookSubscription", None, [Wrong("Address protocol http:// is not supported", field)])
    if any(one.uri == uri and one.enum == enum for one in world.subscriptions.values()):
        return payload("webhookSubscription", None, [Wrong("Address for this topic has already been taken", field)])
    made = Subscription(world.serial(), TOPICS[enum], enum, uri, world.now())
    world.subscriptions[made.id] = made
    return payload("webhookSubscription", show.subscription(made))


def delete(world: World, given: Given) -> Json:
    """webhookSubscriptionDelete."""
    found = next((one for one in world.subscriptions.values() if one.gid == given["id"]), None)
    if found is None:
        wrong = Wrong("Webhook subscription does not exist", ("id",))
        return payload("deletedWebhookSubscriptionId", None, [wrong])
    del world.subscriptions[found.id]
    return payload("deletedWebhookSubscriptionId", found.gid)


def listed(world: World, given: Given) -> Json:
    """webhookSubscriptions: all, or those of some topics."""
    topics = given.get("topics")
    found = [one for one in world.subscriptions.values() if not topics or one.enum in topics]
    items: list[tuple[show.Key, Json]] = [((0.0, one.id), show.subscription(one)) for one in found]
    return show.page(items, given.get("first"), given.get("after"))
