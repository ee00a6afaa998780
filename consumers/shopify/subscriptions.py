"""Ask the shop for the webhooks that we read, once each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from consumers.engine.outcome import why
from consumers.engine.sink import Account, Finding
from consumers.engine.wire import Plan, Response, objects
from consumers.shopify import requests
from consumers.shopify.errors import complaints, payload, trouble
from consumers.shopify.speak import speak
from consumers.shopify.webhook import TOPICS

ENUMS: Mapping[str, str] = {topic: topic.replace("/", "_").upper() for topic in TOPICS}
"""A topic as a delivery names it -> as the API does."""


def subscribe(account: Account, address: str) -> Plan[Sequence[Finding]]:
    """List the shop's webhooks, and make those to `address` that are missing: a line for each topic.

    Those to other addresses are left alone. Shopify deletes one after eight failures in a row, so ask again at times.
    """
    answer = yield from speak(account, requests.subscriptions())
    if (refusal := trouble(answer)) is not None:
        return [Finding("webhooks", False, why(refusal))]
    there = {one.get("topic") for one in objects(payload(answer).get("nodes")) if one.get("uri") == address}
    lines = []
    for topic, name in ENUMS.items():
        if name in there:
            lines.append(Finding(f"webhook {topic}", True, "is there"))
        else:
            made = yield from speak(account, requests.subscribe(name, address))
            lines.append(_made(topic, made))
    return lines


def _made(topic: str, answer: Response) -> Finding:
    """Merges need a scope of their own; without it they are found by the nightly comparison."""
    what = f"webhook {topic}"
    if (refusal := trouble(answer)) is not None:
        return Finding(what, False, why(refusal))
    against = complaints(answer)
    if not against:
        return Finding(what, True, "made")
    taken = any("taken" in one.told for one in against)
    return Finding(what, taken, "is there" if taken else against[0].told)
